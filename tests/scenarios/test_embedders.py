"""Several embedders behind one setting, as processes that are killed, frozen and busy."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import free_port
from tests.scenarios.stack import ADDRESS, Process
from tests.scenarios.test_probes import health, health_address
from tests.support.ledger import ANSWER, Ledger, require_once
from tests.support.town import STAND_IN, Town, pause, resume


@pytest.fixture
def second(town: Town) -> Iterator[tuple[Process, str]]:
    """A second embedder, with the worker asking both; the process, and the worker's probes."""
    process = town.start("second-embedder", [*STAND_IN])
    both = f"{town.embedder.url},{process.wait_for(ADDRESS)}"
    town.populate(workers=0)
    worker = town.start_worker(EMBEDDER_URL=both, HEALTH_PORT=str(free_port()))
    town.environment["EMBEDDER_URL"], before = both, town.environment["EMBEDDER_URL"]
    yield process, health_address(worker)
    town.environment["EMBEDDER_URL"] = before
    town.populate(workers=0)
    process.kill()


def answered(ledger: Ledger, count: int = 4) -> bool:
    ledger.upload(count)
    require_once(ledger.settle())
    return all(ANSWER in text for text in ledger.texts())


def test_what_one_embedder_cannot_take_the_other_does(town: Town, ledger: Ledger, second: tuple[Process, str]):
    process, probes = second
    town.driver.wait_for(lambda: health(probes)["status"] == "ready")
    assert answered(ledger)
    assert town.embedder.counts()["begun"]
    town.embedder.control(mode="busy")
    assert answered(ledger)
    town.embedder.kill()
    assert answered(ledger)
    name = f"embedder 127.0.0.1:{town.embedder.url.rpartition(':')[2]}"
    town.driver.wait_for(lambda: health(probes)["why"] == [f"{name}: does not answer: the others work for it"])
    metrics = requests.get(f"{probes}/metrics", timeout=5).text
    assert f'soundalike_up{{part="{name}"}} 0.0' in metrics and 'soundalike_up{part="embedder"} 1.0' in metrics
    check = town.start("check", ["-m", "bot", "check"])
    assert check.child.wait(60) == 1
    assert re.findall(r"^(embedder|sound) +(\w+)", check.said(), re.MULTILINE) == [
        ("embedder", "WRONG"), ("embedder", "ok"), ("sound", "ok"),
    ]  # fmt: skip
    town.embedder.restart()
    pause(process)
    try:
        town.driver.wait_for(lambda: len(health(probes)["why"]) == 1)
        assert health(probes)["checks"]["embedder"]["works"]
    finally:
        resume(process)
    town.driver.wait_for(lambda: health(probes)["status"] == "ready")
