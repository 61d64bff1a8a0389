"""A catalogue in Milvus: what the contract of all kinds does not ask. What needs several pushes, each of which takes
seconds, is long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.catalogue import open_catalogue, push, read_facts
from recommender.catalogue.base import Addition
from recommender.catalogue.filters import Filter
from recommender.catalogue.milvus import additions, loading
from recommender.catalogue.milvus.address import Address
from recommender.catalogue.milvus.catalogue import MilvusCatalogue, current_collection
from recommender.catalogue.milvus.cluster import Cluster
from recommender.catalogue.recall import spread
from recommender.catalogue.remote import away, facts
from recommender.catalogue.remote import catalogue as remote
from recommender.cli import main
from recommender.errors import BuildFailed, CannotWrite, CatalogueDamaged, CatalogueUnavailable, NoCatalogue
from tests.support.catalogues import clips, clustered, pushed, recall_of_sources, write

CLIPS = 4002
"""So many that a filter for a third of them is measured, as one that is left to the index is."""
SHARES = {"third": 3, "tenth": 10, "hundredth": 100}


@pytest.mark.parametrize(
    ("location", "uri", "alias", "shown"),
    [
        ("milvus://host/sounds", "http://host:19530", "sounds", "milvus://host:19530/sounds"),
        (
            "milvus://me:s%40cret@host:9/sounds?database=team&secure=true",
            "https://host:9",
            "sounds",
            "milvus://host:9/sounds",
        ),
        ("milvus://[::1]:9/s_1", "http://[::1]:9", "s_1", "milvus://[::1]:9/s_1"),
    ],
)
def test_an_address_shows_no_password(location, uri, alias, shown):
    address = Address.parse(location)
    assert (address.uri, address.alias, address.shown) == (uri, alias, shown)
    if "me" in location.partition("@")[0]:
        assert (address.user, address.password, address.database) == ("me", "s@cret", "team")
    assert address.id_of(address.collection("12ab")) == "12ab"
    assert address.id_of(address.added) is address.id_of("other_12ab") is None


@pytest.mark.parametrize(
    "location",
    [
        "milvus://me:secret@host",
        "milvus://me:secret@host:port/sounds",
        "milvus://me:sec@ret@host/sounds",
        "milvus://me:secret@host/two words",
        "milvus://me:secret@host/sounds?no_such_option=1",
        "milvus:///secret",
    ],
)
def test_a_wrong_address_is_a_sentence_without_the_password(location):
    with pytest.raises(NoCatalogue, match="CATALOGUE") as caught:
        open_catalogue(location)
    assert "sec" not in str(caught.value)


def test_nothing_at_the_address_is_a_sentence(monkeypatch):
    monkeypatch.setattr(away, "ANSWER_SECONDS", 0.2)
    with pytest.raises(CatalogueUnavailable, match="does not answer") as caught:
        open_catalogue("milvus://me:secret@127.0.0.1:1/sounds")
    assert caught.value.code == "catalogue-unavailable" and "secret" not in str(caught.value)


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
    made = tmp_path_factory.mktemp("milvus") / "c"
    write(made, clustered(CLIPS), new, extra={"kind": "test", "links": "youtube"})
    return made


@pytest.mark.soak
def test_a_push_goes_on_where_it_broke_off_and_the_index_finds_what_exact_search_finds(
    folder, milvus_url, monkeypatch, capsys
):
    url = f"{milvus_url}/small"
    monkeypatch.setattr(loading, "MOST_BLOCK", 999)
    catalogue = open_catalogue(folder)
    whole = catalogue.clips

    def clips_until(items):
        if items[0] >= 1998:
            raise KeyboardInterrupt
        return whole(items)

    monkeypatch.setattr(type(catalogue), "clips", lambda self, items: clips_until(items))
    with pytest.raises(KeyboardInterrupt):
        push(catalogue, url, progress=False)
    for ask in (open_catalogue, read_facts):
        with pytest.raises(NoCatalogue, match="There is no catalogue at milvus://"):
            ask(url)
    monkeypatch.undo()
    assert push(catalogue, url, progress=False).clips == CLIPS - 1998
    opened = open_catalogue(url)
    assert [clip for clip, _ in opened.all_clips()] == [clip for clip, _ in catalogue.all_clips()]
    longer = Filter(longer=15)
    assert len(opened.nearest(opened.vectors_of([0]), CLIPS, chosen=longer, distinct=False)[0]) == CLIPS
    assert push(catalogue, url, progress=False).clips == 0
    for chosen, fits in {
        Filter(): lambda item: True,
        Filter(only=(("third",),)): lambda item: item % 3 == 0,
        Filter(only=(("hundredth",),)): lambda item: item % 100 == 0,
        Filter(only=(("third",), ("tenth",))): lambda item: item % 30 == 0,
        Filter(only=(("third",),), without=("tenth", "hundredth")): lambda item: item % 3 == 0 and item % 10,
        Filter(without=("third", "tenth")): lambda item: item % 3 and item % 10,
    }.items():
        # The queries that the push measured, against exact search: the folder's own index errs as well.
        queries = catalogue.vectors_of(spread(np.arange(CLIPS), 200))
        found = opened.nearest(queries, 10, chosen=chosen)
        assert recall_of_sources(catalogue, queries, found, 10, fits) >= 0.98
        assert all(len({hit.source for hit in hits}) == 10 and all(fits(hit.item) for hit in hits) for hits in found)
    opened.close()
    catalogue.close()
    for arguments in (["verify", url], ["info", url], ["export", url, "--jsonl", "-"], ["push", str(folder), url]):
        assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "known answers right" in printed and "efConstruction" in printed and "is current there already" in printed
    assert printed.count('"clip_id"') == CLIPS


@pytest.mark.soak
def test_what_is_damaged_is_mended_by_pushing_it_again(tmp_path, milvus_url):
    url = f"{milvus_url}/harmed"
    write(tmp_path / "c", clustered(50), extra={"kind": "test"})
    pushed(tmp_path / "c", url)
    cluster = Cluster(Address.parse(url))
    cluster.ask("delete", current_collection(cluster), filter="item in [7, 8]", limited=False)
    cluster.ask("flush", current_collection(cluster), limited=False)
    with pytest.raises(CatalogueDamaged, match="holds 48 clips where 50 were pushed: push"):
        open_catalogue(url)
    assert pushed(tmp_path / "c", url).clips == 50
    open_catalogue(url).close()
    cluster.close()


def addition(name: str, features) -> Addition:
    cuts = [(10.0 * n, 10.0 * n + 10) for n in range(len(features))]
    return Addition(name, name.encode().hex().ljust(64, "0"), f"the {name}", ("New", "Dog"), cuts, features + 0.01)


@pytest.mark.soak
def test_what_was_added_is_found_by_every_process_and_stays_through_a_push(tmp_path, milvus_url, monkeypatch):
    monkeypatch.setattr(remote, "LOOK_SECONDS", 0.0)
    url, features = f"{milvus_url}/library", clustered(60, seed=9)
    extra: dict[str, object] = {"kind": "library", "links": "files", "folder": str(tmp_path)}
    write(tmp_path / "c", features, extra=extra)
    pushed(tmp_path / "c", url)
    one, other = (open_catalogue(url, "https://x.y") for _ in range(2))
    one.add(addition("a.wav", features[7:9]))
    # Longer than a row holds.
    one.add(addition("b.wav", np.tile(features[20:21], (200, 1))))
    # However few rows come at once.
    monkeypatch.setattr(additions, "PAGE", 1)
    for catalogue in (one, other):
        assert catalogue.version and catalogue.added_as(addition("a.wav", features[7:9]).sha256) == "a.wav"
        clip = catalogue.clip("a.wav")
        assert (clip.title, clip.url) == ("the a.wav", "https://x.y/a.wav#t=0,10")
        (hits,) = catalogue.nearest(catalogue.vectors_of([7]), 3)
        assert {hit.source for hit in hits[:2]} == {"a.wav", "src00000007"}
        assert len(catalogue.clips_of("b.wav")) == 200
    new = [*clips(60), *(clip._replace(source="a.wav", clip_id=f"a_{n}") for n, clip in enumerate(clips(1)))]
    for number, count in enumerate((60, 61, 61)):
        write(tmp_path / "c", clustered(count, seed=9), new[:count], extra={**extra, "digest": number})
        pushed(tmp_path / "c", url)
        opened = open_catalogue(url)
        assert isinstance(opened, MilvusCatalogue) and opened.has("b.wav") and opened.has("a.wav")
        assert len(opened.added.clips) == (202 if number == 0 else 200)
        assert opened.added_as(addition("a.wav", features[7:9]).sha256) == ("a.wav" if number < 2 else None)
        opened.close()
    monkeypatch.setattr(Cluster, "ask", lambda *_, **__: (_ for _ in ()).throw(CatalogueUnavailable("away")))
    with pytest.raises(CannotWrite, match="does not take it"):
        one.add(addition("c.wav", features[:1]))


def test_more_dimensions_than_milvus_takes_are_a_sentence(folder):
    catalogue = open_catalogue(folder)
    catalogue.facts = replace(catalogue.facts, dimension=40_000)
    with pytest.raises(BuildFailed, match="at most 32768 dimensions"):
        push(catalogue, "milvus://127.0.0.1:1/x", progress=False)
