"""An embedder that is down, slow, wrong or restarted, and one that is asked the same by everybody."""

from __future__ import annotations

import threading
import time

from sandbox.client.driver import Driver
from tests.scenarios.stack import ADDRESS
from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, Ledger, sound
from tests.support.town import Town


def test_down(town: Town, ledger: Ledger, check: Check):
    """embedder down"""
    town.embedder.kill()
    ledger.upload(3)
    check(ledger.settle())
    assert all("`embedder-down`" in text for text in ledger.texts()), ledger.texts()


def test_slow(town: Town, ledger: Ledger, check: Check):
    """embedder takes 3 s for each"""
    town.embedder.control(delay=3)
    ledger.upload(8)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_busy(town: Town, ledger: Ledger, check: Check):
    """embedder busy for 4 s"""
    town.embedder.control(mode="busy")
    ledger.upload(4)
    time.sleep(4)
    town.embedder.control(mode="ok")
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_garbage(town: Town, ledger: Ledger, check: Check):
    """embedder answers garbage"""
    for mode in ("garbage", "short", "error"):
        town.embedder.control(mode=mode)
        ledger.upload(2)
        ledger.settle()
    check(ledger.settle())
    assert all("`bad-embedding`" in text or "`embedder-down`" in text for text in ledger.texts()), ledger.texts()


def test_restarted(town: Town, ledger: Ledger, check: Check):
    """embedder killed and restarted"""
    town.embedder.control(delay=2)
    ledger.upload(6)
    time.sleep(1.5)
    town.embedder.kill()
    time.sleep(2.0)
    town.embedder.restart()
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_one_file_by_everybody(town: Town, ledger: Ledger, check: Check):
    """one file uploaded by 24 people at once"""
    town.populate(workers=2)
    town.embedder.control(delay=1)
    before = town.embedder.counts()["begun"]
    path = town.folder / "same.wav"
    path.write_bytes(sound(time.time_ns()))
    parts = [Ledger("part", Driver(town.url), town.folder, people=24) for _ in range(4)]
    threads = [threading.Thread(target=part.upload, args=(6,), kwargs={"path": path}) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in parts:
        ledger.uploads |= part.uploads
    check(ledger.settle())
    assert town.embedder.counts()["begun"] - before == 1
    assert all(ANSWER in text for text in ledger.texts())


def test_real(town: Town, ledger: Ledger, check: Check):
    """MusiCNN itself; worker killed in embed"""
    musicnn = town.start("musicnn", ["-m", "recommender", "embedder", "--model", "musicnn", "--port", "0"])
    address = musicnn.wait_for(ADDRESS)
    town.driver.wait_for(lambda: healthy(address), timeout=90, every=0.2)
    town.populate(workers=0)
    worker = town.start_worker(EMBEDDER_URL=address)
    try:
        path = town.folder / "long.wav"
        path.write_bytes(sound(time.time_ns(), seconds=100))
        ledger.upload(1, path=path)
        ledger.upload(3)
        town.driver.wait_for(lambda: waiting_at(address) > 0, every=0.02)
        worker.kill()
        town.workers.clear()
        town.workers.append(town.start_worker(EMBEDDER_URL=address))
        check(ledger.settle())
        assert all(ANSWER in text for text in ledger.texts()), ledger.texts()
    finally:
        town.populate(workers=0)
        musicnn.kill()


def healthy(address: str) -> bool:
    """Whether the embedder has its model."""
    import requests

    return requests.get(f"{address}/healthz", timeout=5).status_code == 200


def waiting_at(address: str) -> float:
    """How many requests the embedder is working on."""
    import requests

    lines = requests.get(f"{address}/metrics", timeout=5).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(WAITING))


WAITING = "soundalike_embedder_requests_waiting"
