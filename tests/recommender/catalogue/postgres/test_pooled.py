"""A catalogue behind PgBouncer, over TCP with TLS, in transaction mode: nothing of a session lasts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import psycopg
import pytest

from recommender.catalogue import open_catalogue
from recommender.catalogue.filters import Filter
from recommender.catalogue.postgres import loading
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.catalogue import PostgresCatalogue
from recommender.catalogue.postgres.connections import SESSION, connect
from recommender.errors import BuildFailed
from tests.support import pgbouncer
from tests.support.catalogues import clips, clustered, pushed, recall_of_sources, write

CLIPS = 3000
TENTH = Filter(only=(("tenth",),))
REFUSED = "# startup parameters that it does not know are refused"
PASSED_OVER = "ignore_startup_parameters = options"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    new = [clip._replace(labels=("tenth",) if number % 10 == 0 else ()) for number, clip in enumerate(clips(CLIPS))]
    made = tmp_path_factory.mktemp("pooled") / "c"
    write(made, clustered(CLIPS), new, extra={"kind": "test", "links": "youtube"})
    return made


@pytest.fixture(scope="module", params=[REFUSED, PASSED_OVER], ids=["refused", "passed over"])
def url(folder, postgres_url, request):
    with pgbouncer.started(postgres_url, request.param) as pooled:
        url = f"{pooled}&schema=pooled"
        pushed(folder, url)
        yield url
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP SCHEMA pooled CASCADE")


@pytest.fixture
def catalogue(url):
    opened = open_catalogue(url)
    assert isinstance(opened, PostgresCatalogue)
    yield opened
    opened.close()


def test_many_threads_share_few_sessions(catalogue, folder):
    local = open_catalogue(folder)
    asked = np.random.default_rng(1).permutation(CLIPS)[:200]
    queries = local.vectors_of(asked)
    catalogue.built.searcher = replace(catalogue.built.searcher, scans=False)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda query: catalogue.nearest([query], 10, chosen=TENTH)[0], queries))
    assert recall_of_sources(local, queries, found, 10, lambda item: item % 10 == 0) >= 0.97
    local.close()


def test_sessions_are_left_as_they_were(catalogue, url):
    catalogue.nearest(catalogue.vectors_of([1]), 10, chosen=TENTH)
    with psycopg.connect(url.partition("&schema")[0], autocommit=True, prepare_threshold=None) as connection:
        for _ in range(20):
            rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(SESSION),))
            assert not [(name, value) for name, value in rows if SESSION[name] == value != "off"]
            assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_each_statement_has_its_settings_and_its_bound_of_time(url):
    statement = psycopg.sql.SQL("SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name").format()
    with connect(Address.parse(url), 20.0) as connection:
        assert dict(connection.rows(statement, ([*SESSION, "statement_timeout"],))) == {
            **SESSION,
            "statement_timeout": "18s",
        }


def test_two_pushes_at_once_are_refused(folder, url, monkeypatch):
    local = open_catalogue(folder)
    monkeypatch.setattr(loading._Push, "_copy", lambda push, *_: loading.push(local, url, progress=False))
    with psycopg.connect(url.partition("&schema")[0]) as connection:
        connection.execute("UPDATE pooled.catalogues SET current = false, format = 0")
    with pytest.raises(BuildFailed, match="Another push"):
        loading.push(local, url, progress=False)
    monkeypatch.undo()
    assert loading.push(local, url, progress=False).clips == CLIPS
    local.close()
