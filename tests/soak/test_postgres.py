"""A catalogue in PostgreSQL: the database dies, freezes, is restarted, and its catalogue is swapped."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.scenarios.stack import write_small_catalogue
from tests.soak.conftest import Check
from tests.soak.test_redis import commands
from tests.support.catalogues import pushed
from tests.support.ledger import ANSWER, Ledger
from tests.support.postgres import Postgres
from tests.support.town import Town

FROZEN_SECONDS = 12.0
AWAY_SECONDS = 4.0


@pytest.fixture(scope="module")
def town_in_postgres(tmp_path_factory: pytest.TempPathFactory, postgres_server: Postgres) -> Iterator[Town]:
    """Processes of their own, whose catalogue is in a database."""
    town = Town(tmp_path_factory.mktemp("town"), CATALOGUE=f"{postgres_server.url}&schema=soak")
    try:
        pushed(town.catalogue, town.environment["CATALOGUE"])
        yield town
    finally:
        town.close()


@pytest.fixture
def town(town_in_postgres: Town) -> Iterator[Town]:
    """One bot and one worker in good health."""
    town_in_postgres.populate()
    yield town_in_postgres
    town_in_postgres.heal()


def told(ledger: Ledger) -> None:
    """Each upload is answered, or told that the database was away for longer than it was tried again."""
    assert all(ANSWER in text or "`catalogue-unavailable`" in text for text in ledger.texts()), ledger.texts()


def test_killed(town: Town, ledger: Ledger, check: Check, postgres_server: Postgres):
    """PostgreSQL killed, started 4 s later"""
    town.embedder.control(delay=0.5)
    ledger.upload(6)
    time.sleep(0.5)
    postgres_server.kill()
    commands(ledger, 5)
    ledger.upload(4)
    time.sleep(AWAY_SECONDS)
    commands(ledger, 5)
    postgres_server.start()
    ledger.upload(3)
    check(ledger.settle())
    told(ledger)
    assert ANSWER in ledger.texts()[-1]


def test_restarted(town: Town, ledger: Ledger, check: Check, postgres_server: Postgres):
    """PostgreSQL restarted ten times"""
    for _ in range(10):
        ledger.upload(1)
        commands(ledger, 1)
        postgres_server.stop()
        postgres_server.start()
    check(ledger.settle())
    told(ledger)


def test_frozen(town: Town, ledger: Ledger, check: Check, postgres_server: Postgres):
    """PostgreSQL frozen for 12 s"""
    ledger.upload(3)
    postgres_server.freeze()
    try:
        frozen = time.monotonic()
        ledger.upload(3)
        commands(ledger, 5)
        while time.monotonic() < frozen + FROZEN_SECONDS:
            commands(ledger, 1)
            time.sleep(2.0)
    finally:
        postgres_server.thaw()
    ledger.upload(2)
    commands(ledger, 2)
    check(ledger.settle())
    told(ledger)


def test_swapped(town: Town, ledger: Ledger, check: Check):
    """catalogue in PostgreSQL swapped four times while running"""
    for number in range(4):
        ledger.upload(2)
        commands(ledger, 3)
        write_small_catalogue(town.catalogue, town.batch, without=town.batch.clips[number + 5].clip_id)
        pushed(town.catalogue, town.environment["CATALOGUE"])
        commands(ledger, 3)
        ledger.upload(1)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())
    town.write_catalogue()
    pushed(town.catalogue, town.environment["CATALOGUE"])
