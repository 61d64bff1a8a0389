"""A catalogue in PostgreSQL: what the contract of all kinds does not ask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import psycopg
import pytest

from recommender.catalogue import open_catalogue, push, read_facts
from recommender.catalogue.filters import Filter
from recommender.catalogue.postgres import catalogue as catalogue_module
from recommender.catalogue.postgres import loading
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.catalogue import PostgresCatalogue
from recommender.catalogue.postgres.connections import Connections
from recommender.catalogue.postgres.tables import Tables
from recommender.catalogue.recall import spread
from recommender.catalogue.remote import away, facts
from recommender.cli import main
from recommender.errors import BuildFailed, CatalogueDamaged, CatalogueUnavailable, NoCatalogue
from tests.support.catalogues import clips, clustered, pushed, recall_of_sources, write

CLIPS = 3000
SHARES = {"third": 3, "tenth": 10, "hundredth": 100}


@pytest.fixture(scope="module", autouse=True)
def labels_with_an_index():
    """Labels of more than a hundred clips have an index of their own here, as those of thousands have elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "OWN_CLIPS", 100)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    new = [
        clip._replace(labels=tuple(name for name, every in SHARES.items() if number % every == 0))
        for number, clip in enumerate(clips(CLIPS, per_source=2))
    ]
    made = tmp_path_factory.mktemp("postgres") / "c"
    write(made, clustered(CLIPS), new, extra={"kind": "test", "links": "youtube"})
    return made


@pytest.fixture(scope="module")
def url(folder, postgres_url):
    url = f"{postgres_url}&schema=small"
    pushed(folder, url)
    return url


@pytest.fixture
def schema(postgres_url, request):
    """The address of a schema that is empty, and dropped afterwards."""
    name = "t" + str(abs(hash(request.node.nodeid)))[:12]
    yield f"{postgres_url}&schema={name}"
    with psycopg.connect(postgres_url) as connection:
        connection.execute(psycopg.sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(psycopg.sql.Identifier(name)))


def by_index(catalogue, by_label=True):
    """The same catalogue, which leaves even few clips to the index, and where wanted to those of labels."""
    assert isinstance(catalogue, PostgresCatalogue)
    catalogue.built.searcher = replace(catalogue.built.searcher, scans=False, by_label=by_label)
    return catalogue


@pytest.mark.parametrize(
    ("chosen", "fits"),
    [
        (Filter(), lambda item: True),
        (Filter(only=(("third",),)), lambda item: item % 3 == 0),
        (Filter(only=(("tenth",),)), lambda item: item % 10 == 0),
        (Filter(only=(("hundredth",),)), lambda item: item % 100 == 0),
        (Filter(only=(("third",), ("tenth",))), lambda item: item % 30 == 0),
        (Filter(without=("third", "tenth")), lambda item: item % 3 and item % 10),
    ],
    ids=["all", "a third", "a tenth", "a hundredth", "of both", "of neither"],
)
@pytest.mark.parametrize("by_label", [True, False])
def test_the_index_finds_what_exact_search_finds(url, folder, chosen, fits, by_label):
    catalogue, local = by_index(open_catalogue(url), by_label), open_catalogue(folder)
    assert catalogue.facts.own == ("third", "tenth")
    # The queries that the push measured, against exact search: the folder's own index errs as well.
    queries = local.vectors_of(spread(np.arange(CLIPS), 200))
    found = catalogue.nearest(queries, 10, chosen=chosen)
    assert recall_of_sources(local, queries, found, 10, fits) >= 0.98
    for hits in found:
        assert len({hit.source for hit in hits}) == len(hits) == 10
        assert all(fits(hit.item) for hit in hits)
        assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    catalogue.close()


def test_a_filter_that_the_index_gives_out_on_is_still_answered_whole(url):
    catalogue = by_index(open_catalogue(url))
    # By the counts there may be a thousand; of those that are left, thirty are each one's own source.
    chosen = Filter(only=(("third",),), without=("tenth",))
    (hits,) = catalogue.nearest(catalogue.vectors_of([5]), 900, chosen=chosen)
    sources = {clip // 2 for clip in range(0, CLIPS, 3) if clip % 10}
    assert len(hits) == len(sources)
    catalogue.close()


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (Filter(), "_hnsw "),
        (Filter(without=("third",)), "_hnsw "),
        (Filter(only=(("third",),)), "_hnsw_0 "),
        (Filter(only=(("third",), ("tenth",))), "_hnsw_1 "),
    ],
    ids=["of all", "but for a third", "of a third", "of the rarer of two"],
)
def test_it_is_searched_through_the_index(url, monkeypatch, chosen, index):
    catalogue = by_index(open_catalogue(f"{url}&options=-c%20enable_seqscan%3Doff"))
    query, ask, plans = catalogue.vectors_of([3])[0], Connections.rows, []

    def rows(connections, statement, parameters, **named):
        plans.append(str(ask(connections, psycopg.sql.SQL("EXPLAIN ") + statement, parameters)))
        return ask(connections, statement, parameters, **named)

    monkeypatch.setattr(Connections, "rows", rows)
    catalogue.nearest([query], 10, chosen=chosen, distinct=False)
    assert len(plans) == 1 and index in plans[0]
    catalogue.close()


def test_a_push_goes_on_where_it_broke_off(folder, schema, monkeypatch):
    monkeypatch.setattr(loading, "BLOCK_CLIPS", 999)
    catalogue = open_catalogue(folder)
    broken = catalogue.clips

    def clips_until(items):
        if items[0] >= 1998:
            raise KeyboardInterrupt
        return broken(items)

    monkeypatch.setattr(type(catalogue), "clips", lambda self, items: clips_until(items))
    with pytest.raises(KeyboardInterrupt):
        push(catalogue, schema, progress=False)
    with pytest.raises(NoCatalogue):
        open_catalogue(schema)
    monkeypatch.undo()
    assert push(catalogue, schema, progress=False).clips == 1002
    opened = open_catalogue(schema)
    assert [clip.clip_id for clip, _ in opened.all_clips()] == [clip.clip_id for clip, _ in catalogue.all_clips()]
    assert opened.verify().startswith("3,000 clips")
    # A source of two clips on both sides of the break lasts as long as any other.
    longer = Filter(longer=15)
    assert len(opened.nearest(opened.vectors_of([0]), CLIPS, chosen=longer, distinct=False)[0]) == CLIPS
    assert push(catalogue, schema, progress=False).clips == 0
    opened.close()
    catalogue.close()


def test_a_server_that_is_too_slow_for_questions_is_still_pushed_to(folder, schema, monkeypatch):
    monkeypatch.setattr(away, "ANSWER_SECONDS", 0.002)
    assert pushed(folder, schema).clips == CLIPS
    with pytest.raises(CatalogueUnavailable):
        open_catalogue(schema)


def test_the_catalogue_that_was_current_stays_until_the_next_push(tmp_path, schema):
    opened = []
    for number in range(3):
        write(tmp_path / "c", clustered(50, seed=number), extra={"kind": "test"})
        pushed(tmp_path / "c", schema)
        opened.append(open_catalogue(schema))
    assert len({catalogue.id for catalogue in opened}) == 3
    assert len(opened[1].nearest(opened[1].vectors_of([3]), 5)[0]) == 5
    with psycopg.connect(schema.partition("&schema")[0]) as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'clips%%'"
        assert connection.execute(tables, (Address.parse(schema).schema,)).fetchone() == (2,)
    for catalogue in opened:
        catalogue.close()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("DELETE FROM {clips} WHERE item > 5", "holds 6 clips where 50 were pushed"),
        ("TRUNCATE {clips}", "holds 0 clips"),
        ("DROP INDEX {hnsw}", "lacks an index"),
        ("UPDATE {clips} SET clip_id = clip_id || 'x'", "holds other clips"),
        ("UPDATE {clips} SET embedding = (SELECT embedding FROM {clips} WHERE item = 7)", "known answers"),
        ("UPDATE {catalogues} SET format = 9", "format 9, this version reads 2"),
        ("UPDATE {catalogues} SET facts = '{{}}'", "does not tell what its catalogue is"),
    ],
)
def test_what_is_not_whole_is_a_sentence(tmp_path, schema, harm, said):
    write(tmp_path / "c", clustered(50), extra={"kind": "test"})
    pushed(tmp_path / "c", schema)
    catalogue = PostgresCatalogue.open(schema)
    name = Address.parse(schema).schema
    with psycopg.connect(schema.partition("&schema")[0]) as connection:
        hnsw = psycopg.sql.Identifier(name, catalogue.tables.index("hnsw"))
        connection.execute(catalogue.tables.sql(harm, hnsw=hnsw))
    with pytest.raises(CatalogueDamaged, match=said) as caught:
        open_catalogue(schema)
    assert "push" in str(caught.value)
    # And pushing it again mends it.
    assert pushed(tmp_path / "c", schema).clips == 50
    open_catalogue(schema).close()
    catalogue.close()


@pytest.mark.parametrize("harm", ["DELETE FROM {names}", "UPDATE {names} SET block = 'x'"])
def test_words_that_are_damaged_are_noticed(tmp_path, schema, harm):
    write(tmp_path / "c", clustered(50), [clip._replace(title=f"rain {clip.source}") for clip in clips(50)])
    pushed(tmp_path / "c", schema)
    catalogue = PostgresCatalogue.open(schema)
    assert "50 clips" in catalogue.verify() and len(catalogue.named("rain", 5)) == 5
    with psycopg.connect(schema.partition("&schema")[0]) as connection:
        connection.execute(catalogue.tables.sql(harm))
    with pytest.raises(CatalogueDamaged, match="push the catalogue again"):
        catalogue.named("src", 5)
    with pytest.raises(CatalogueDamaged, match="push the catalogue again"):
        catalogue.verify()
    catalogue.close()
    assert pushed(tmp_path / "c", schema).clips == 50
    mended = open_catalogue(schema)
    assert "50 clips" in mended.verify() and len(mended.named("src", 5)) == 5
    mended.close()


@pytest.mark.parametrize("harm", ["DELETE FROM {clips} WHERE item = 7", "DROP TABLE {labels}"])
def test_a_push_that_was_harmed_while_it_lay_half_done_begins_anew(folder, schema, harm, monkeypatch):
    catalogue = open_catalogue(folder)
    with monkeypatch.context() as patched:
        patched.setattr(loading._Push, "_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            push(catalogue, schema, progress=False)
    with psycopg.connect(schema.partition("&schema")[0]) as connection:
        connection.execute(Tables(Address.parse(schema).schema, catalogue.id).sql(harm))
    assert push(catalogue, schema, progress=False).clips == CLIPS
    catalogue.close()


def test_an_empty_database_and_a_wrong_address_are_sentences(postgres_url, schema):
    for ask in (open_catalogue, read_facts):
        with pytest.raises(NoCatalogue, match="push FOLDER URL"):
            ask(schema)
        with pytest.raises(NoCatalogue, match="small letters"):
            ask(f"{postgres_url}&schema=Big")


def test_nothing_can_be_pushed_to_a_folder(folder, tmp_path):
    catalogue = open_catalogue(folder)
    with pytest.raises(NoCatalogue, match="Nothing can be pushed to a folder"):
        push(catalogue, str(tmp_path))
    catalogue.close()


def test_two_pushes_at_once_are_refused(folder, schema):
    name = Address.parse(schema).schema
    catalogue = open_catalogue(folder)
    with psycopg.connect(schema.partition("&schema")[0]) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('soundalike ' || %s, 0))", (name,))
        with pytest.raises(BuildFailed, match="Another push"):
            push(catalogue, schema, progress=False)
    catalogue.close()


def test_the_commands_work_on_it(folder, schema, capsys, tmp_path):
    assert main(["push", str(folder), schema]) == 0
    assert "3,000 clips copied" in capsys.readouterr().out
    assert main(["push", str(folder), schema]) == 0
    assert "already" in capsys.readouterr().out
    assert main(["verify", schema]) == 0
    assert capsys.readouterr().out == "postgresql:///postgres: whole, 3,000 clips, 8 known answers right\n"
    assert main(["info", schema]) == 0
    assert "hnsw" in capsys.readouterr().out
    answers = []
    for location in (str(folder), schema):
        assert main(["similar", location, "#193", "--json", "--only", "third"]) == 0
        answers.append(capsys.readouterr().out)
        assert main(["export", location, "--jsonl", str(tmp_path / "out.jsonl")]) == 0
        answers.append((tmp_path / "out.jsonl").read_text())
        capsys.readouterr()
    assert answers[:2] == answers[2:]


@pytest.mark.parametrize(
    ("location", "shown", "schema"),
    [
        (
            "postgresql://me:secret@host:5433/sounds?schema=team_a&sslmode=require",
            "postgresql://host:5433/sounds",
            "team_a",
        ),
        ("postgresql:///sounds?host=/run/pg&password=secret", "postgresql:///sounds", "soundalike"),
        (
            "postgresql://me:secret@host:5433,other/sounds?target_session_attrs=any&options=-c%20jit%3Doff",
            "postgresql://host:5433,other/sounds",
            "soundalike",
        ),
    ],
)
def test_an_address_shows_no_password(location, shown, schema):
    address = Address.parse(location)
    assert (address.shown, address.schema) == (shown, schema)
    known = psycopg.conninfo.conninfo_to_dict(address.conninfo)
    assert (known["dbname"], known["password"]) == ("sounds", "secret")
    assert known.get("options") in (None, "-c jit=off")


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://me:sec@ret:5@host/sounds",
        "postgresql://me:secret@host:port/sounds",
        "postgresql://me:secret@host/sounds?no_such_option=1",
        "postgresql://[::1/sounds?password=secret",
    ],
)
def test_a_wrong_address_is_a_sentence_without_the_password(location):
    with pytest.raises(NoCatalogue, match="CATALOGUE") as caught:
        open_catalogue(location)
    assert "sec" not in str(caught.value)


def test_a_pgvector_that_is_too_old_is_a_sentence(url, monkeypatch):
    monkeypatch.setattr(catalogue_module, "OLDEST_PGVECTOR", (99, 0))
    with pytest.raises(CatalogueDamaged, match=r"has pgvector .*: update it to 99.0 or newer"):
        open_catalogue(url)


def test_a_client_that_is_not_installed_is_a_sentence(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr("recommender.catalogue.importlib.import_module", missing)
    with pytest.raises(NoCatalogue, match=r"needs psycopg: install it with `pip install -r requirements-postgres.txt`"):
        open_catalogue("postgresql://me:secret@host/sounds")
