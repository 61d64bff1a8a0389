"""Redis that goes, comes back empty, freezes, or is full."""

from __future__ import annotations

import time

from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, Ledger
from tests.support.town import Town

FROZEN_SECONDS = 20.0


def test_stopped(town: Town, ledger: Ledger, check: Check):
    """Redis stopped for 6 s, then back"""
    town.embedder.control(delay=1)
    ledger.upload(6)
    time.sleep(1.0)
    town.redis.stop()
    commands(ledger, 5)
    ledger.upload(6)
    time.sleep(6.0)
    commands(ledger, 5)
    town.redis.start()
    ledger.upload(3)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_restarted_empty(town: Town, ledger: Ledger, check: Check):
    """Redis restarted empty"""
    town.embedder.control(delay=1)
    ledger.upload(10)
    time.sleep(1.5)
    town.redis.stop()
    town.redis.empty()
    town.redis.start()
    ledger.upload(4)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_frozen(town: Town, ledger: Ledger, check: Check):
    """Redis frozen for 20 s"""
    town.embedder.control(delay=0.5)
    ledger.upload(6)
    time.sleep(0.5)
    town.redis.freeze()
    frozen = time.monotonic()
    ledger.upload(4)
    commands(ledger, 10)
    while time.monotonic() < frozen + FROZEN_SECONDS:
        ledger.upload(1)
        time.sleep(4.0)
    town.redis.thaw()
    ledger.upload(2)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_full(town: Town, ledger: Ledger, check: Check):
    """Redis out of memory for 6 s"""
    town.embedder.control(delay=0.5)
    ledger.upload(6)
    time.sleep(0.5)
    town.redis.client.config_set("maxmemory", "1")
    ledger.upload(6)
    commands(ledger, 10)
    time.sleep(6.0)
    town.redis.client.config_set("maxmemory", "0")
    ledger.upload(2)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_flapping(town: Town, ledger: Ledger, check: Check):
    """Redis' connections cut 40 times"""
    for number in range(40):
        if number % 4 == 0:
            ledger.upload(1)
        town.redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        time.sleep(0.1)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def commands(ledger: Ledger, count: int) -> None:
    """Ask for clips, each of which is answered at once or refused at once."""
    for number in range(count):
        outcome = ledger.command(f"#{number}", "USOAKCMD")
        assert outcome["acked"], outcome
