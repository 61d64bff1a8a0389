"""A catalogue in a database: it dies, freezes, is restarted, and its catalogue is swapped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.scenarios.stack import write_small_catalogue
from tests.soak.conftest import Check
from tests.soak.test_redis import commands
from tests.support.catalogues import pushed
from tests.support.ledger import ANSWER, Ledger
from tests.support.milvus import Milvus
from tests.support.postgres import Postgres
from tests.support.town import Town

FROZEN_SECONDS = 12.0
AWAY_SECONDS = 4.0
RESTARTS = {"Postgres": 10, "Milvus": 3}
"""Milvus takes seconds to start."""


@pytest.fixture(scope="module", params=RESTARTS)
def database(request: pytest.FixtureRequest) -> Postgres | Milvus:
    """A server that can be harmed."""
    server: Postgres | Milvus = request.getfixturevalue(f"{request.param.lower()}_server")
    return server


@pytest.fixture(scope="module")
def whole_town(tmp_path_factory: pytest.TempPathFactory, database: Postgres | Milvus) -> Iterator[Town]:
    """Processes of their own, whose catalogue is in a database."""
    place = "/soak" if isinstance(database, Milvus) else "&schema=soak"
    town = Town(tmp_path_factory.mktemp("town"), CATALOGUE=f"{database.url}{place}")
    try:
        pushed(town.catalogue, town.environment["CATALOGUE"])
        yield town
    finally:
        town.close()


@pytest.fixture
def ledger(ledger: Ledger, database: Postgres | Milvus) -> Ledger:
    """Counts under the name of the database and of its fault."""
    return replace(ledger, fault=f"{type(database).__name__} {ledger.fault}")


def told(ledger: Ledger) -> None:
    """Each upload is answered, or told that the database was away for longer than it was tried again."""
    assert all(ANSWER in text or "`catalogue-unavailable`" in text for text in ledger.texts()), ledger.texts()


def test_killed(town: Town, ledger: Ledger, check: Check, database: Postgres | Milvus):
    """killed, started 4 s later"""
    town.embedder.control(delay=0.5)
    ledger.upload(6)
    time.sleep(0.5)
    database.kill()
    commands(ledger, 5)
    ledger.upload(4)
    time.sleep(AWAY_SECONDS)
    commands(ledger, 5)
    database.start()
    ledger.upload(3)
    check(ledger.settle())
    told(ledger)
    assert ANSWER in ledger.texts()[-1]


def test_restarted(town: Town, ledger: Ledger, check: Check, database: Postgres | Milvus):
    """restarted, one time after the other"""
    for _ in range(RESTARTS[type(database).__name__]):
        ledger.upload(1)
        commands(ledger, 1)
        database.stop()
        database.start()
    check(ledger.settle())
    told(ledger)


def test_frozen(town: Town, ledger: Ledger, check: Check, database: Postgres | Milvus):
    """frozen for 12 s"""
    ledger.upload(3)
    database.freeze()
    try:
        frozen = time.monotonic()
        ledger.upload(3)
        commands(ledger, 5)
        while time.monotonic() < frozen + FROZEN_SECONDS:
            commands(ledger, 1)
            time.sleep(2.0)
    finally:
        database.thaw()
    ledger.upload(2)
    commands(ledger, 2)
    check(ledger.settle())
    told(ledger)


def test_swapped(town: Town, ledger: Ledger, check: Check):
    """swapped four times while running"""
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
