"""What is added to a library whose catalogue is in PostgreSQL."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

from recommender.catalogue import open_catalogue
from recommender.catalogue.base import Addition
from recommender.catalogue.filters import Filter
from recommender.catalogue.postgres import connections
from recommender.catalogue.postgres.catalogue import PostgresCatalogue
from recommender.catalogue.postgres.connections import Connection
from recommender.catalogue.remote import away
from recommender.catalogue.remote import catalogue as remote
from recommender.clips import clip_id
from recommender.embedders import Frames
from recommender.errors import BadQuery, CannotWrite
from recommender.library.additions import add
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.uploads import Upload
from tests.support.catalogues import SPACE, clips, clustered, pushed, write

FEATURES = clustered(60, seed=9)


@pytest.fixture
def schema(postgres_url):
    yield f"{postgres_url}&schema=additions"
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS additions CASCADE")


@pytest.fixture
def library(tmp_path, schema, monkeypatch):
    """A library of sixty clips in a database, opened by two processes; each looks at once what the other did."""
    monkeypatch.setattr(remote, "LOOK_SECONDS", 0.0)
    (tmp_path / "sounds").mkdir()
    extra: dict[str, object] = {"kind": "library", "links": "files", "folder": str(tmp_path / "sounds")}
    write(tmp_path / "c", FEATURES, extra=extra)
    pushed(tmp_path / "c", schema)
    opened = [PostgresCatalogue.open(schema, "https://x.y") for _ in range(2)]
    yield opened
    for catalogue in opened:
        catalogue.close()


def addition(name: str, place: int, windows: int = 2) -> Addition:
    features = FEATURES[place : place + windows] + 0.01
    cuts = [(10.0 * n, 10.0 * n + 10) for n in range(windows)]
    return Addition(name, name.encode().hex().ljust(64, "0"), f"the {name}", ("New", "Dog"), cuts, features)


def test_a_library_in_a_database_is_one_of_several(library, schema, tmp_path):
    """Named, filtered by `in` and by length, added to, and never asked for what it does not keep."""
    extra: dict[str, object] = {"kind": "library", "links": "files", "folder": str(tmp_path / "local")}
    loud = [clip._replace(fields=(("tempo", "120 BPM"),)) for clip in clips(60)]
    write(tmp_path / "other", clustered(60, seed=10), loud, extra=extra)
    recommender = Recommender.open(Settings(_env_file=None, catalogue=f"{schema},{tmp_path / 'other'}"))
    try:
        assert list(recommender.catalogue.members) == ["sounds", "local"]

        def homes(**bounds):
            return {result.clip.catalogue for result in recommender.similar("#7", top=40, **bounds).results}

        assert homes() == {"sounds", "local"}
        assert homes(within=["Sounds"]) == {"sounds"} and homes(within=["local"], longer=1) == {"local"}
        assert homes(told=[("tempo", 100, 130)]) == {"local"}
        recommender.catalogue.members["sounds"].add(addition("a.wav", 7, windows=1))
        assert recommender.similar("sounds/a.wav", top=3).results
        with pytest.raises(BadQuery, match="knows no key"):
            homes(told=[("key", 0, 0)])
    finally:
        recommender.close()


def test_an_addition_is_found_by_every_process(library):
    one, other = library
    assert (one.version, other.added_as("ab")) == ("", None)
    one.add(addition("a.wav", 7))
    one.add(addition("b.wav", 20, windows=1))
    for catalogue in library:
        assert catalogue.version
        assert catalogue.added_as(addition("a.wav", 7).sha256) == "a.wav"
        clip = catalogue.clip("a.wav")
        assert (clip.item, clip.title, clip.url) == (60, "the a.wav", "https://x.y/a.wav#t=0,10")
        assert [c.item for c in catalogue.clips([62, 3, 60, 99])] == [62, 3, 60]
        assert catalogue.find(clip_id("a.wav", 10)) == 61 and catalogue.find("b.wav") == 62
        (hits,) = catalogue.nearest(catalogue.vectors_of([7]), 3)
        assert {hit.source for hit in hits[:2]} == {"a.wav", "src00000007"}
        (only,) = catalogue.nearest(catalogue.vectors_of([7]), 9, chosen=Filter(only=(("New",),)))
        assert [hit.source for hit in only] == ["a.wav", "b.wav"]
        assert catalogue.named("THE a.wav", 9) == [60] and catalogue.named("wav", 9) == [60, 62]
        (rest,) = catalogue.nearest(catalogue.vectors_of([7]), 200, without=frozenset({"b.wav"}))
        assert len(rest) == 61
        assert catalogue.label("new") == "New" and catalogue.random("New").item in {60, 61, 62}
        assert np.linalg.norm(catalogue.vectors_of([60, 3, 61, 999]), axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-6)


def test_what_was_added_stays_through_a_push_and_is_forgotten_when_it_was_built_in(library, tmp_path, schema):
    one, _ = library
    one.add(addition("a.wav", 7))
    new = [*clips(60), *(clip._replace(source="a.wav", clip_id=f"a_{n}") for n, clip in enumerate(clips(1)))]
    for number, count in enumerate((60, 61, 61)):
        extra = {"kind": "library", "links": "files", "folder": str(tmp_path), "digest": number}
        write(tmp_path / "c", clustered(count, seed=9), new[:count], extra=extra)
        pushed(tmp_path / "c", schema)
        opened = PostgresCatalogue.open(schema)
        assert opened.find("a.wav") == 60
        # While the catalogue before the one that holds it may still be asked, it is only passed over.
        assert [len(opened.added.clips), len(opened.added.sources)] == [[2, 1], [0, 1], [0, 0]][number]
        opened.close()


def test_a_file_from_slack_is_kept_and_found(library, tmp_path):
    one, other = library
    (tmp_path / "new.wav").write_bytes(b"RIFF")
    frames = Frames(SPACE, 0.96, np.ones((12, 128), np.float32), np.empty((12, 0), np.float32), ())
    upload = Upload("cd" * 32, 12.0, frames)
    for _ in range(2):
        assert add(one, tmp_path / "new.wav", upload, name="new.wav", who="U1") == "Added from Slack/new.wav"
    assert other.clip("Added from Slack/new.wav").title == "new"
    assert [path.name for path in (tmp_path / "sounds/Added from Slack").glob("*.wav")] == ["new.wav"]


def test_a_database_that_cannot_be_written_is_a_sentence(library, schema):
    one, _ = library
    with psycopg.connect(schema.partition("&schema")[0]) as connection:
        connection.execute("DROP TABLE additions.added")
    with pytest.raises(CannotWrite, match="cannot be added"):
        one.add(addition("a.wav", 7))


def test_a_database_that_holds_still_holds_no_thread(library, postgres_server, monkeypatch):
    one, _ = library

    class Held(Connection):
        """Opened before its server is frozen."""

        def execute(self, *arguments, **named):
            postgres_server.freeze()
            monkeypatch.setattr(away, "ANSWER_SECONDS", 0.5)
            return super().execute(*arguments, **named)

    monkeypatch.setattr(connections, "Connection", Held)
    monkeypatch.setattr(away, "ANSWER_SECONDS", 2.0)
    try:
        with pytest.raises(CannotWrite, match="cannot be added"):
            one.add(addition("a.wav", 7))
    finally:
        postgres_server.thaw()


def test_what_is_no_library_takes_nothing(tmp_path, schema):
    write(tmp_path / "c", FEATURES, extra={"kind": "test", "links": "youtube"})
    pushed(tmp_path / "c", schema)
    catalogue = open_catalogue(schema)
    with pytest.raises(CannotWrite, match="Nothing can be added"):
        catalogue.add(addition("a.wav", 7))
    catalogue.close()
