"""Probes of real processes while what they need is frozen, gone or not let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.conftest import REPOSITORY, free_port
from tests.scenarios.stack import ADDRESS, Process
from tests.support.town import Town, pause, resume

PROBES = ("/livez", "/readyz", "/healthz", "/metrics")
PROBE_SECONDS = 5
"""A probe that waited for what is frozen would take longer on a busy machine, too."""


@contextmanager
def watched(town: Town, name: str) -> Iterator[str]:
    """A bot, worker or web process beside the others, and the address of its probes."""
    if name == "web":
        options = ["-c", str(REPOSITORY / "gunicorn.conf.py"), "--bind", "127.0.0.1:0"]
        process = town.start("web", ["-m", "gunicorn", "bot.wsgi:app", *options])
    else:
        arguments = ["-m", "bot", *([] if name == "bot" else [name])]
        process = town.start(name, arguments, HEALTH_PORT=str(free_port()))
    try:
        process.wait_for(re.compile(f"{name} ready"))
        yield process.wait_for(ADDRESS) if name == "web" else health_address(process)
    finally:
        process.stop()


def health_address(process: Process) -> str:
    found = re.search(r"health and metrics on (http://[\d.:]+)", process.said())
    assert found, process.said()
    return found.group(1)


def statuses(address: str) -> dict[str, int]:
    return {path: requests.get(address + path, timeout=PROBE_SECONDS).status_code for path in PROBES}


def health(address: str) -> dict[str, Any]:
    return dict(requests.get(f"{address}/healthz", timeout=PROBE_SECONDS).json())


@pytest.mark.parametrize("name", ["bot", "worker", "web"])
def test_probes_are_answered_while_redis_and_embedder_are_frozen(town: Town, name: str):
    with watched(town, name) as address:
        assert statuses(address) == dict.fromkeys(PROBES, 200)
        town.driver.wait_for(lambda: health(address)["status"] == "ready")  # a second of sound is embedded first
        assert not any(check["remark"] for part, check in health(address)["checks"].items() if part != "catalogue")
        for path in PROBES:
            assert requests.head(address + path, timeout=PROBE_SECONDS).status_code == 200
        town.redis.freeze()
        pause(town.embedder.process)
        try:
            ready = 503 if name == "worker" else 200
            for _ in range(2):
                assert statuses(address) == {"/livez": 200, "/readyz": ready, "/healthz": ready, "/metrics": 200}
            town.driver.wait_for(lambda: len(health(address)["why"]) == 2)
            assert {why.partition(":")[0] for why in health(address)["why"]} == {"redis", "embedder"}
        finally:
            resume(town.embedder.process)
            town.redis.thaw()
        town.driver.wait_for(lambda: health(address)["status"] == "ready")


def test_a_bot_without_its_socket_is_not_ready(town: Town):
    with watched(town, "bot") as address:
        town.driver.wait_for(lambda: statuses(address)["/readyz"] == 200)
        town.driver.fail("apps.connections.open", "internal_error", times=None)
        town.driver.faults(drop_sockets_every=0.2)
        try:
            town.driver.wait_for(lambda: statuses(address)["/readyz"] == 503)
            assert statuses(address)["/livez"] == 200
            assert any(why.startswith("socket: ") for why in health(address)["why"])
        finally:
            town.heal()
        town.driver.wait_for(lambda: statuses(address)["/readyz"] == 200, timeout=30)
        assert health(address)["checks"]["socket"] == {"works": True, "remark": ""}


def test_processes_share_a_health_port(town: Town):
    port = str(free_port())
    processes = [town.start("worker", ["-m", "bot", "worker"], HEALTH_PORT=port) for _ in range(2)]
    try:
        for process in processes:
            process.wait_for(re.compile("worker ready"))
        addresses = {health_address(process) for process in processes}
        assert len(addresses) == 2
        assert [statuses(address)["/livez"] for address in addresses] == [200, 200]
    finally:
        for process in processes:
            process.stop()
