"""The port of probes and metrics: shared settings, slow clients, HEAD."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
import requests

from bot.operations.health import Health
from bot.operations.health_server import CONNECTIONS, PORTS, HealthServer, serve
from recommender.errors import SettingsError
from tests.conftest import free_port

TIMEOUT = 20


class Well:
    """Health of nothing."""

    def answer(self, path: str) -> tuple[int, bytes, str]:
        return 200, path.encode(), "text/plain"


HEALTH = cast(Health, Well())


@pytest.fixture
def server() -> Iterator[HealthServer]:
    one = serve("127.0.0.1", free_port(), HEALTH)
    yield one
    one.shutdown()
    one.server_close()


def url(server: HealthServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics", "/healthz?full=1"])
def test_probes_are_answered(server: HealthServer, path: str):
    answer = requests.get(url(server) + path, timeout=TIMEOUT)
    assert (answer.status_code, answer.text) == (200, path.partition("?")[0])
    head = requests.head(url(server) + path, timeout=TIMEOUT)
    assert (head.status_code, head.text, head.headers["Content-Length"]) == (200, "", str(len(answer.content)))


def test_other_paths_are_not_found(server: HealthServer):
    assert requests.get(url(server) + "/", timeout=TIMEOUT).status_code == 404


def test_slow_connections_hold_up_nobody(server: HealthServer):
    with ExitStack() as stack:
        for _ in range(CONNECTIONS + 10):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), TIMEOUT))
            slow.sendall(b"GET /livez HTTP/1.1\r\nX: ")
        assert requests.get(url(server) + "/livez", timeout=TIMEOUT).status_code == 200


def test_a_port_that_is_taken_makes_way_for_the_next(server: HealthServer):
    second = serve("127.0.0.1", server.server_port, HEALTH)
    assert server.server_port < second.server_port < server.server_port + PORTS
    assert requests.get(url(second) + "/livez", timeout=TIMEOUT).status_code == 200
    second.shutdown()
    second.server_close()


def test_where_all_are_taken_a_sentence_says_so(server: HealthServer, monkeypatch: Any):
    monkeypatch.setattr("bot.operations.health_server.PORTS", 1)
    with pytest.raises(SettingsError, match=f"{server.server_port}.*taken.*HEALTH_PORT"):
        serve("127.0.0.1", server.server_port, HEALTH)


def test_a_host_that_is_not_of_this_machine_is_a_sentence():
    with pytest.raises(SettingsError, match="HEALTH_HOST"):
        serve("192.0.2.1", free_port(), HEALTH)
