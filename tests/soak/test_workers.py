"""Workers that die at each step, and workers that are told to go."""

from __future__ import annotations

import time

import psutil

from sandbox.names import SOUNDS
from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, Ledger
from tests.support.town import Town, children, pause, resume

ANSWERED_WITHIN_SECONDS = 30.0
DRAIN_SECONDS = 10.0


def killed_and_replaced(town: Town, ledger: Ledger, check: Check) -> None:
    """Kill the worker, start another as a supervisor would, and expect answers in time."""
    town.workers[-1].kill()
    killed = time.time()
    town.driver.clear_faults()
    town.embedder.control(delay=0)
    town.populate()
    row = ledger.settle()
    check(row)
    assert all(ANSWER in text for text in ledger.texts()), ledger.texts()
    last = max(float(m.get("edited", m)["ts"]) for messages in ledger.replies().values() for m in messages)
    assert last - killed < ANSWERED_WITHIN_SECONDS


def test_before_download(town: Town, ledger: Ledger, check: Check):
    """worker killed before the download"""
    town.driver.faults(api_delay=1.5)
    since = newest(town)
    ledger.upload(3)
    town.driver.wait_traffic(since=since, kind="api", name="files.info")
    killed_and_replaced(town, ledger, check)


def test_in_download(town: Town, ledger: Ledger, check: Check):
    """worker killed in the download"""
    town.driver.faults(file_bytes_per_second=20_000)
    since = newest(town)
    ledger.upload(3)
    town.driver.wait_traffic(since=since, kind="download")
    time.sleep(0.3)
    killed_and_replaced(town, ledger, check)


def test_in_decode(town: Town, ledger: Ledger, check: Check):
    """worker killed in decode"""
    for child in children(town.workers[-1]):
        child.suspend()
    since, before = newest(town), town.embedder.counts()["begun"]
    ledger.upload(3)
    town.driver.wait_traffic(lambda entry: entry["ms"] is not None, since=since, kind="download")
    time.sleep(0.5)
    assert town.embedder.counts()["begun"] - before < 3, "no file waits for the decoder"
    killed_and_replaced(town, ledger, check)


def test_in_embed(town: Town, ledger: Ledger, check: Check):
    """worker killed in embed"""
    town.embedder.control(delay=20)
    before = town.embedder.counts()["begun"]
    ledger.upload(3)
    town.driver.wait_for(lambda: town.embedder.counts()["begun"] > before, every=0.1)
    killed_and_replaced(town, ledger, check)


def test_placeholder_posted_but_not_noted(town: Town, ledger: Ledger, check: Check):
    """worker killed after posting, before noting"""
    killed_while(town, "chat.postMessage", ledger, check)


def test_answer_posted_but_not_noted(town: Town, ledger: Ledger, check: Check):
    """worker killed after answering, before noting"""
    killed_while(town, "chat.update", ledger, check)


def test_posted_but_not_noted_in_a_channel(town: Town, ledger: Ledger, check: Check):
    """the same in a channel whose history is closed"""
    killed_while(town, "chat.postMessage", ledger, check, SOUNDS)


def killed_while(town: Town, method: str, ledger: Ledger, check: Check, channel: str = "") -> None:
    """Freeze the worker while Slack takes its call, so that it never learns that it was done, and kill it."""
    town.driver.faults(api_delay=0.4)
    since = newest(town)
    ledger.upload(1, channel=channel)
    town.driver.wait_traffic(since=since, kind="api", name=method)
    pause(town.workers[-1])
    town.driver.wait_traffic(lambda entry: entry["ms"] is not None, since=since, kind="api", name=method)
    ledger.upload(2)
    killed_and_replaced(town, ledger, check)


def test_term(town: Town, ledger: Ledger, check: Check):
    """worker told to stop while it works"""
    town.embedder.control(delay=2)
    before = town.embedder.counts()["begun"]
    ledger.upload(8)
    town.driver.wait_for(lambda: town.embedder.counts()["begun"] > before, every=0.1)
    stopped(town)
    town.embedder.control(delay=0)
    town.populate()
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_term_of_long_work(town: Town, ledger: Ledger, check: Check):
    """worker told to stop in work of 20 s"""
    town.embedder.control(delay=20)
    before = town.embedder.counts()["begun"]
    ledger.upload(3)
    town.driver.wait_for(lambda: town.embedder.counts()["begun"] > before, every=0.1)
    stopped(town)
    town.embedder.control(delay=0)
    started = time.monotonic()
    town.populate()
    row = ledger.settle()
    check(row)
    assert time.monotonic() - started < ANSWERED_WITHIN_SECONDS
    assert all(ANSWER in text for text in ledger.texts())


def stopped(town: Town) -> None:
    """Tell the worker to stop, and expect it gone within ten seconds with its children."""
    mine = children(town.workers[-1])
    started = time.monotonic()
    assert town.workers[-1].stop() == 0
    assert time.monotonic() - started < DRAIN_SECONDS
    _, alive = psutil.wait_procs(mine, 2)
    assert not alive


def test_frozen(town: Town, ledger: Ledger, check: Check):
    """worker frozen for 12 s, then alive again"""
    town.populate(workers=2)
    town.embedder.control(delay=1)
    ledger.upload(6)
    time.sleep(1.0)
    frozen = town.workers[0]
    pause(frozen)
    time.sleep(12)
    resume(frozen)
    check(ledger.settle())


def newest(town: Town) -> int:
    """Number of the next traffic entry."""
    entries = town.driver.traffic()
    return int(entries[-1]["id"]) + 1 if entries else 1
