"""The HTTP server under slow, large, broken and many requests; tests read sockets until the server closes them."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.scenarios.stack import ADDRESS, Process

TIMEOUT = 20
WORD = "plantedword"
CHUNKED = b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    options = ["-k", "tests.support.gunicorn_app.SmallWorker", "--threads", "4", "--bind", "127.0.0.1:0"]
    log = tmp_path_factory.mktemp("server") / "log"
    arguments = ["-m", "gunicorn", "tests.support.gunicorn_app:app", *options, "--log-level", "debug"]
    process = Process("server", arguments, {"PYTHONPATH": str(REPOSITORY)}, log)
    try:
        process.wait_for(re.compile("Booting worker"))
        yield process
    finally:
        process.kill()


@pytest.fixture
def url(server: Process) -> str:
    return server.wait_for(ADDRESS)


def connect(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), TIMEOUT)


def answer_of(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    got = b""
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            return got
        if not data:
            return got
        got += data


def said(url: str, request: bytes) -> bytes:
    with connect(url) as connection:
        connection.sendall(request)
        return answer_of(connection)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def test_a_request_is_served_and_its_connection_closed(url: str):
    body = os.urandom(100_000)
    assert requests.post(f"{url}/size", data=body, timeout=TIMEOUT).text == "/size 100000\n"
    answer = said(url, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(answer) == 200 and b"Connection: close" in answer
    assert status(said(url, b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")) == 200


def test_a_body_in_chunks_is_read_to_its_end(url: str):
    bits = [b"a" * 70_000, b"0\r\n\r\n" * 100, b"end"]
    assert requests.post(f"{url}/size", data=iter(bits), timeout=TIMEOUT).text == "/size 70503\n"


def test_a_client_that_asks_first_is_told_to_send_its_body(url: str):
    with connect(url) as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert answer_of(connection).endswith(b"/size 3\n")


@pytest.mark.parametrize(
    ("request_bytes", "refusal"),
    [
        (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 300001\r\n\r\n", 413),
        (CHUNKED + b"50000\r\n" + b"x" * 0x50000 + b"\r\n", 413),
        (CHUNKED + b"zz\r\nxx\r\n", 400),
        (CHUNKED + b"-5\r\nxx\r\n", 400),
        (CHUNKED + b"5" * 9000, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"y" * 40_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"y" * 9_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"{WORD} {WORD}\r\n\r\n".encode(), 400),
        (f"GET / HTTP/1.1\r\n{WORD}\r\n\r\n".encode(), 400),
        (f"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: {WORD}\r\n\r\n{WORD}".encode(), 400),
        (f"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {WORD}\r\n\r\n".encode(), 501),
        (b"\x00\xff\x16\x03\x01" * 20 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", 408),
        (f"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{WORD}".encode(), 408),
        (b"", 408),
        (b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n", 500),
    ],
)
def test_what_is_too_large_too_slow_or_no_http_is_refused(url: str, request_bytes: bytes, refusal: int):
    assert status(said(url, request_bytes)) == refusal


def test_slow_connections_hold_up_nobody(url: str):
    with ExitStack() as stack:
        beginnings = [b"", b"GET", b"POST /size HTTP/1.1\r\nContent-Length: 50\r\n\r\nabc"]
        for number in range(150):  # more than may arrive at a time: the oldest are closed for those to come
            stack.enter_context(connect(url)).sendall(beginnings[number % 3])
        assert requests.get(f"{url}/livez", timeout=TIMEOUT).status_code == 200
        assert requests.post(f"{url}/size", data=b"abc", timeout=TIMEOUT).text == "/size 3\n"


def test_probes_are_answered_while_every_thread_waits_and_answers_are_not_taken(url: str):
    with ExitStack() as stack:
        waiting = [stack.enter_context(connect(url)) for _ in range(12)]
        for connection in waiting:
            connection.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        for path in ("/livez", "/readyz", "/healthz", "/metrics?x=1"):
            assert requests.get(url + path, timeout=TIMEOUT).status_code == 200
        assert requests.get(f"{url}/livez?go", timeout=TIMEOUT).status_code == 200
        assert [status(answer_of(connection)) for connection in waiting] == [200] * 12
        for _ in range(8):  # two for each thread, of which none reads its answer
            stack.enter_context(connect(url)).sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        assert requests.post(f"{url}/size", data=b"abc", timeout=TIMEOUT).text == "/size 3\n"


def test_bodies_together_stay_within_their_budget(url: str):
    with ExitStack() as stack:
        held = [stack.enter_context(connect(url)) for _ in range(6)]
        for connection in held:
            connection.sendall(b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 290000\r\n\r\n" + b"x" * 250_000)
        assert requests.post(f"{url}/size", data=b"abc", timeout=TIMEOUT).text == "/size 3\n"
        statuses = sorted(status(answer_of(connection)) for connection in held)
    assert statuses == [408, 408, 408, 503, 503, 503] or statuses == [408] * 4 + [503] * 2
    assert requests.post(f"{url}/size", data=b"x" * 290_000, timeout=TIMEOUT).text == "/size 290000\n"


def test_nothing_of_a_request_is_in_the_log(url: str, server: Process):
    said(url, f"{WORD} {WORD}\r\n\r\n".encode())
    log = Path(server.log).read_text()
    assert WORD not in log and "refused 400" in log


def test_a_server_that_is_told_to_stop_answers_what_it_has_and_ends(tmp_path: Path):
    options = ["-k", "tests.support.gunicorn_app.SmallWorker", "--threads", "4", "--bind", "127.0.0.1:0"]
    process = Process("server", ["-m", "gunicorn", "tests.support.gunicorn_app:app", *options], {}, tmp_path / "log")
    try:
        url = process.wait_for(ADDRESS)
        process.wait_for(re.compile("Booting worker"))
        with connect(url), connect(url) as working:
            working.sendall(b"GET /pause HTTP/1.1\r\nHost: a\r\n\r\n")
            assert requests.get(f"{url}/livez", timeout=TIMEOUT).status_code == 200
            process.child.terminate()
            assert status(answer_of(working)) == 200
        assert process.stop() == 0
    finally:
        process.kill()
