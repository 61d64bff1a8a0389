"""More than comes on any day: bursts of uploads and commands, and a queue that is full."""

from __future__ import annotations

import threading
import time
from typing import Any

import psutil

from sandbox.client.driver import Driver, text_of
from sandbox.names import SOUNDS
from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, Ledger
from tests.support.town import Town

UPLOADS, COMMANDS = 200, 2000
SENDERS = 20
"""People who type at the same time, each the next command once the last is acknowledged."""
FLAT_BYTES = 40_000_000
"""What a process may grow by from one half of the load to the other: caches fill, nothing leaks."""


def test_burst(town: Town, ledger: Ledger, check: Check):
    """200 uploads and 2,000 commands in a burst"""
    town.populate(workers=2)
    processes = [psutil.Process(process.child.pid) for process in (*town.bots, *town.workers)]
    ledger.people = 40
    warm = Ledger("warm", town.driver, town.folder, people=40)
    burst(town, warm, UPLOADS // 8, COMMANDS // 8)
    warm.settle()
    before = [process.memory_info().rss for process in processes]
    ledger.began = time.time()
    burst(town, ledger, UPLOADS, COMMANDS)
    row = ledger.settle(timeout=150)
    after = [process.memory_info().rss for process in processes]
    check(row)
    assert row.sent == UPLOADS + COMMANDS, f"{UPLOADS + COMMANDS - row.sent} commands were not acknowledged"
    assert all(ANSWER in text for text in ledger.texts())
    grown = [round((b - a) / 1e6) for a, b in zip(before, after, strict=True)]
    print(f"\nmemory of bot and workers: {[round(b / 1e6) for b in after]} MB, grown by {grown} MB in the burst")
    assert max(grown) * 1e6 < FLAT_BYTES


def burst(town: Town, ledger: Ledger, uploads: int, commands: int) -> None:
    """Send both at once, from several people."""
    parts = [Ledger("part", Driver(town.url), town.folder, people=ledger.people) for _ in range(SENDERS + 2)]

    def type_commands(part: Ledger, number: int) -> None:
        for turn in range(commands // SENDERS):
            part.command(f"#{(number + turn) % 24} top {3 + turn % 7}", f"USOAKB{number}")

    threads = [threading.Thread(target=type_commands, args=(part, n)) for n, part in enumerate(parts[2:])]
    threads += [threading.Thread(target=part.upload, args=(uploads // 2,)) for part in parts[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in parts:
        ledger.uploads |= part.uploads
        ledger.commands += part.commands
        ledger.typed += part.typed
        ledger.waits += part.waits


def test_order(town: Town, ledger: Ledger, check: Check):
    """12 files into two threads: order kept"""
    town.populate(workers=2)
    town.embedder.control(delay=0.2)
    parents = [town.driver.say(SOUNDS, f"thread {number}") for number in range(2)]
    for _ in range(6):
        for parent in parents:
            ledger.upload(1, channel=SOUNDS, thread_ts=parent["ts"])
    check(ledger.settle())
    for parent in parents:
        asked = [number for number, message in ledger.uploads.items() if message.get("thread_ts") == parent["ts"]]
        told = [next(n for n in asked if f"sound{n}x" in text_of(m)) for m in replies(town, parent)]
        assert told == asked


def replies(town: Town, parent: dict[str, Any]) -> list[dict[str, Any]]:
    """The bot's messages in a thread."""
    return [message for message in town.driver.replies(parent) if message.get("bot_id")]


def test_full_queue(town: Town, ledger: Ledger, check: Check):
    """queue limited to 10, 60 uploads at once"""
    town.populate(bots=0, workers=1)
    town.start_bot(QUEUE_LIMIT="10")
    town.embedder.control(delay=1)
    ledger.people = 40
    ledger.upload(60)
    check(ledger.settle(timeout=90))
    busy = sum("`busy`" in text for text in ledger.texts())
    answered = sum(ANSWER in text for text in ledger.texts())
    assert busy > 0 and answered > 0 and busy + answered == 60, (busy, answered)
    town.populate(bots=0)
