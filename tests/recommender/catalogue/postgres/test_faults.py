"""A database that goes away, holds still, is slow or is swapped, under questions from several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from recommender.answers import Answer
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.connections import Connections
from recommender.catalogue.remote import away
from recommender.catalogue.remote import catalogue as remote
from recommender.errors import CatalogueUnavailable
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support.catalogues import clips, clustered, pushed, write
from tests.support.postgres import Postgres

THREADS = 4
LIMIT_SECONDS = 0.5
"""While a database is harmed; a busy machine takes longer otherwise."""
QUESTION = "src00000005_0"


@pytest.fixture
def schema(postgres_url):
    yield f"{postgres_url}&schema=faults"
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS faults CASCADE")


@pytest.fixture
def recommender(tmp_path, schema, monkeypatch):
    monkeypatch.setattr(away, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(away, "ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(remote, "LOOK_SECONDS", 0.02)
    version(tmp_path, schema, 0)
    opened = Recommender.open(Settings(catalogue=schema, _env_file=None))
    yield opened
    opened.close()


def version(folder, schema, number: int) -> str:
    """Push a catalogue whose clips all say its number, and return its id."""
    new = clips(60, labels=(f"v{number}",))
    built = write(folder / "c", clustered(60, seed=number), new, extra={"kind": "test", "number": number})
    pushed(folder / "c", schema)
    return built.id


def asked(recommender: Recommender) -> list[Answer | CatalogueUnavailable]:
    """Ask from several threads at once, and return what each got."""

    def ask(number: int) -> Answer | CatalogueUnavailable:
        try:
            return recommender.similar(f"src{number:08d}_0")
        except CatalogueUnavailable as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, range(2 * THREADS)))


def comes_back(recommender: Recommender) -> Answer:
    """Ask until there is an answer; the test's own time limit ends it otherwise."""
    while True:
        try:
            return recommender.similar(QUESTION)
        except CatalogueUnavailable:
            time.sleep(0.05)


def harm_by(kind: str, server: Postgres, schema: str) -> Callable[[], None]:
    """Do harm, and return what ends it."""
    if kind == "stopped":
        server.stop()
        return server.start
    if kind == "frozen":
        server.freeze()
        return server.thaw
    lock = psycopg.connect(schema.partition("&schema")[0])
    ((id_,),) = lock.execute("SELECT id FROM faults.catalogues WHERE current").fetchall()
    lock.execute(f'LOCK TABLE faults."clips_{id_}" IN ACCESS EXCLUSIVE MODE')
    return lock.close


@pytest.mark.parametrize(
    ("kind", "said"), [("stopped", "no connection"), ("frozen", "not within"), ("slow", "not within")]
)
def test_a_database_that_does_not_answer_is_a_sentence_and_answers_when_it_is_back(
    recommender, postgres_server, schema, kind, said, monkeypatch
):
    assert all(isinstance(got, Answer) for got in asked(recommender))
    threads = threading.active_count()
    heal = harm_by(kind, postgres_server, schema)
    monkeypatch.setattr(away, "ANSWER_SECONDS", LIMIT_SECONDS)
    try:
        for got in [*asked(recommender), *asked(recommender)]:
            assert isinstance(got, CatalogueUnavailable)
            assert got.code == "catalogue-unavailable" and said in str(got) and "postgres" not in str(got)
        if kind != "slow":
            with pytest.raises(CatalogueUnavailable):
                recommender.catalogue.still_whole()
            with pytest.raises(CatalogueUnavailable):
                Recommender.open(Settings(catalogue=schema, _env_file=None))
    finally:
        heal()
    monkeypatch.setattr(away, "ANSWER_SECONDS", 60.0)
    assert comes_back(recommender).results
    assert all(isinstance(got, Answer) for got in asked(recommender))
    recommender.catalogue.still_whole()
    assert threading.active_count() <= threads


def test_a_restart_between_two_questions_is_not_noticed(recommender, postgres_server):
    before = recommender.similar(QUESTION)
    postgres_server.stop()
    postgres_server.start()
    assert recommender.similar(QUESTION) == before
    assert all(isinstance(got, Answer) for got in asked(recommender))


def test_catalogues_are_swapped_under_load_without_an_error_or_a_mixed_answer(recommender, tmp_path, schema):
    ids = {recommender.catalogue.id: "v0"}
    stop, seen = threading.Event(), []

    def ask():
        while not stop.is_set():
            answer = recommender.similar(QUESTION)
            seen.append((answer.catalogue_id, {label for result in answer.results for label in result.clip.labels}))

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            for number in (1, 2, 3):
                ids[version(tmp_path, schema, number)] = f"v{number}"
                while recommender.catalogue.facts.extra["number"] != number:
                    time.sleep(0.01)
        finally:
            stop.set()
        for one in asking:
            one.result()
    assert len({id_ for id_, _ in seen}) >= 3
    assert all(labels == {ids[id_]} for id_, labels in seen)


def test_a_database_away_while_a_catalogue_is_swapped_costs_no_minute(
    recommender, tmp_path, schema, postgres_server, monkeypatch
):
    catalogue = recommender.catalogue
    wanted = version(tmp_path, schema, 1)
    monkeypatch.setattr(type(catalogue), "reopen", lambda self: (_ for _ in ()).throw(CatalogueUnavailable("away")))
    while catalogue.identity_now() != wanted:
        time.sleep(0.01)
    assert recommender.catalogue is catalogue
    monkeypatch.undo()
    assert recommender.catalogue.id == wanted


def test_a_catalogue_that_was_dropped_is_a_sentence(recommender, tmp_path, schema):
    old = recommender.catalogue
    for number in (1, 2):
        version(tmp_path, schema, number)
    with pytest.raises(CatalogueUnavailable, match="replaced"):
        old.nearest(old.vectors_of([3]), 5)


def test_one_question_that_takes_too_long_keeps_no_other_from_its_answer(postgres_url, monkeypatch):
    monkeypatch.setattr(away, "ANSWER_SECONDS", 1.0)
    connections = Connections(Address.parse(postgres_url))
    with pytest.raises(CatalogueUnavailable, match="not within"):
        connections.rows(psycopg.sql.SQL("SELECT pg_sleep(30)").format())
    assert connections.rows(psycopg.sql.SQL("SELECT 1").format()) == [(1,)]
    connections.close()
