"""A Milvus that goes away, holds still or is swapped, under questions from several threads: each push takes seconds."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from recommender.answers import Answer
from recommender.catalogue.remote import away
from recommender.catalogue.remote import catalogue as remote
from recommender.errors import CatalogueUnavailable
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support.catalogues import clips, clustered, pushed, write
from tests.support.milvus import Milvus

pytestmark = pytest.mark.soak
THREADS = 4
LIMIT_SECONDS = 0.5
"""While it is harmed; a busy machine takes longer otherwise."""
QUESTION = "src00000005_0"


@pytest.fixture
def recommender(tmp_path, milvus_url, monkeypatch):
    monkeypatch.setattr(away, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(away, "ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(remote, "LOOK_SECONDS", 0.02)
    version(tmp_path, f"{milvus_url}/faults", 0)
    opened = Recommender.open(Settings(catalogue=f"{milvus_url}/faults", _env_file=None))
    yield opened
    opened.close()


def version(folder, url, number: int) -> str:
    """Push a catalogue whose clips all say its number, and return its id."""
    new = clips(60, labels=(f"v{number}",))
    built = write(folder / "c", clustered(60, seed=number), new, extra={"kind": "test", "number": number})
    pushed(folder / "c", url)
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


@pytest.mark.parametrize("kind", ["killed", "frozen"])
def test_a_milvus_that_does_not_answer_is_a_sentence_and_answers_when_it_is_back(
    recommender, milvus_server: Milvus, milvus_url, kind, monkeypatch
):
    assert all(isinstance(got, Answer) for got in asked(recommender))
    threads = threading.active_count()
    (milvus_server.kill if kind == "killed" else milvus_server.freeze)()
    monkeypatch.setattr(away, "ANSWER_SECONDS", LIMIT_SECONDS)
    try:
        for got in [*asked(recommender), *asked(recommender)]:
            assert isinstance(got, CatalogueUnavailable)
            assert got.code == "catalogue-unavailable" and "127.0.0.1" not in str(got)
        with pytest.raises(CatalogueUnavailable):
            recommender.catalogue.still_whole()
        with pytest.raises(CatalogueUnavailable):
            Recommender.open(Settings(catalogue=f"{milvus_url}/faults", _env_file=None))
    finally:
        (milvus_server.start if kind == "killed" else milvus_server.thaw)()
    monkeypatch.setattr(away, "ANSWER_SECONDS", 60.0)
    assert comes_back(recommender).results
    assert all(isinstance(got, Answer) for got in asked(recommender))
    recommender.catalogue.still_whole()
    assert threading.active_count() <= threads + 1


def test_catalogues_are_swapped_under_load_without_an_error_or_a_mixed_answer(recommender, tmp_path, milvus_url):
    ids = {recommender.catalogue.id: "v0"}
    stop, seen, old = threading.Event(), [], recommender.catalogue

    def ask():
        while not stop.is_set():
            answer = recommender.similar(QUESTION)
            seen.append((answer.catalogue_id, {label for result in answer.results for label in result.clip.labels}))

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            for number in (1, 2, 3):
                ids[version(tmp_path, f"{milvus_url}/faults", number)] = f"v{number}"
                while recommender.catalogue.facts.extra["number"] != number:
                    time.sleep(0.01)
        finally:
            stop.set()
        for one in asking:
            one.result()
    assert len({id_ for id_, _ in seen}) >= 3
    assert all(labels == {ids[id_]} for id_, labels in seen)
    with pytest.raises(CatalogueUnavailable, match="replaced"):
        old.nearest(old.vectors_of([3]), 5)
