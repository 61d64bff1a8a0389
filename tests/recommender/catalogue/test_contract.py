"""What every kind of catalogue must do: a new one is a line in `KINDS` here, and passes all of this.

A kind takes the folder of a catalogue and the request of a fixture, and returns it open, and the location that
`read_facts` takes.
"""

from __future__ import annotations

import numpy as np
import pytest

from recommender.catalogue import open_catalogue, read_facts
from recommender.catalogue.base import Addition
from recommender.catalogue.filters import Filter
from recommender.catalogue.local.builder import NewClip
from recommender.errors import CannotWrite, NoCatalogue, UnknownClip, UnknownLabel
from recommender.mapping.page import make_map
from recommender.search import evaluation
from recommender.search.evaluation import evaluate
from recommender.search.search import search
from tests.support.catalogues import clips, clustered, pushed, write
from tests.support.memory_catalogue import MemoryCatalogue

SILENT = 11
TITLES = {5: "Artist – Señor Titel (Remix)", 6: "DrumLoop01 120bpm", 7: "drum"}
"""Of some sources; the others have none."""
SHARES = {"half": 2, "tenth": 10, "hundredth": 100, "thousandth": 1000}
"""Labels, and every which clip has them."""


def in_a_folder(folder, request):
    return open_catalogue(folder), folder


def in_memory(folder, request):
    catalogue = open_catalogue(folder)
    try:
        return MemoryCatalogue.copy_of(catalogue), folder
    finally:
        catalogue.close()


def in_postgres(folder, request):
    url = f"{request.getfixturevalue('postgres_url')}&schema=contract"
    pushed(folder, url)
    return open_catalogue(url), url


def in_milvus(folder, request):
    url = f"{request.getfixturevalue('milvus_url')}/contract"
    pushed(folder, url)
    return open_catalogue(url), url


def in_two_folders(folder, request):
    """Cut between two sources."""
    whole = open_catalogue(folder)
    try:
        parts = []
        for name, items in (("one", range(999)), ("two", range(999, 2000))):
            vectors = whole.vectors_of(items).copy()
            vectors[~vectors.any(axis=1)] = np.nan
            again = [
                NewClip(c.clip_id, c.source, c.start, c.end, c.labels, None if c.title == c.source else c.title)
                for c in whole.clips(items)
            ]
            extra = whole.facts.extra if name == "one" else {**whole.facts.extra, "copies": {}}
            parts.append(folder.with_name(name))
            write(parts[-1], vectors, again, extra=extra)
    finally:
        whole.close()
    location = ", ".join(map(str, parts))
    return open_catalogue(location), location


KINDS = (in_a_folder, in_memory, in_two_folders, in_postgres, in_milvus)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """2,000 clips, three of each source; one has no vector, and forty are alike."""
    new = [
        clip._replace(
            labels=tuple(name for name, every in SHARES.items() if number % every == 0),
            title=TITLES.get(number // 3),
            end=clip.start + 10 + number // 3 % 2,
        )
        for number, clip in enumerate(clips(2000, per_source=3))
    ]
    vectors = clustered(2000)
    vectors[SILENT] = np.nan
    vectors[1200:1240] = vectors[1200]
    made = tmp_path_factory.mktemp("contract") / "c"
    write(made, vectors, new, extra={"kind": "test", "links": "youtube", "copies": {"src00000007": ["a copy"]}})
    return made


@pytest.fixture(scope="module", params=KINDS)
def opened(request, folder):
    catalogue, location = request.param(folder, request)
    yield catalogue, location
    catalogue.close()


@pytest.fixture(scope="module")
def catalogue(opened):
    return opened[0]


def expected(catalogue, query, count, allowed=lambda item: True, distinct=True):
    """The plain definition: sort all, take each source once."""
    vectors = catalogue.vectors_of(range(len(catalogue))).astype(np.float64)
    similarities = vectors @ np.asarray(query, np.float64)
    found, seen = [], set()
    for item in sorted(range(len(catalogue)), key=lambda i: (-round(similarities[i], catalogue.decimals), i)):
        key = item // 3 if distinct else item
        if allowed(item) and item != SILENT and key not in seen:
            seen.add(key)
            found.append((item, f"src{item // 3:08d}", pytest.approx(similarities[item], abs=10**-catalogue.decimals)))
    return found[:count]


def test_the_nearest_clip_of_each_source_best_first(catalogue):
    queries = catalogue.vectors_of([600, 7])
    assert catalogue.nearest(queries, 10) == [expected(catalogue, query, 10) for query in queries]
    assert catalogue.nearest([], 10) == []


def test_equal_clips_stand_in_the_order_of_items(catalogue):
    (found,) = catalogue.nearest(catalogue.vectors_of([1220]), 14)
    assert [hit.item for hit in found] == [1200, *range(1203, 1240, 3), found[-1].item][:14]
    (clip_by_clip,) = catalogue.nearest(catalogue.vectors_of([1220]), 40, distinct=False)
    assert [hit.item for hit in clip_by_clip] == list(range(1200, 1240))


def test_sources_that_are_left_out(catalogue):
    without = frozenset({"src00000200", "src00000003", "no such source"})
    (query,) = catalogue.vectors_of([600])
    wanted = expected(catalogue, query, 20, lambda item: item // 3 not in {200, 3})
    assert catalogue.nearest([query], 20, without=without, sure=10) == [wanted]


@pytest.mark.parametrize(("name", "every"), SHARES.items())
def test_filters_are_exact_at_any_selectivity(catalogue, name, every):
    (query,) = catalogue.vectors_of([7])
    only = expected(catalogue, query, 20, lambda item: item % every == 0)
    assert catalogue.nearest([query], 20, chosen=Filter(only=((name,),))) == [only]
    rest = expected(catalogue, query, 20, lambda item: item % every)
    assert catalogue.nearest([query], 20, chosen=Filter(without=(name,))) == [rest]


def test_filters_combine(catalogue):
    (query,) = catalogue.vectors_of([7])
    chosen = Filter(only=(("tenth", "thousandth"), ("half",)), without=("hundredth",))
    wanted = expected(catalogue, query, 20, lambda item: item % 10 == 0 and item % 100)
    assert catalogue.nearest([query], 20, chosen=chosen) == [wanted]


def test_filters_by_the_length_of_a_source(catalogue):
    """A source has three clips that begin 10 s apart; those of every second one last a second longer."""
    (query,) = catalogue.vectors_of([7])
    assert (catalogue.seconds_of("src00000004"), catalogue.seconds_of("src00000005")) == (30, 31)
    assert catalogue.seconds_of("no such source") == 0
    longer = expected(catalogue, query, 20, lambda item: item // 3 % 2)
    assert catalogue.nearest([query], 20, chosen=Filter(longer=30.5)) == [longer]
    shorter = expected(catalogue, query, 20, lambda item: not item // 3 % 2 and item % 10 == 0 and item // 3 != 666)
    assert catalogue.nearest([query], 20, chosen=Filter((("tenth",),), shorter=30.5, longer=30)) == [shorter]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("senor TITEL", {5}),
        ("artist - sen\u0303or titel (remix).", {5}),
        ("loop 01", {6}),
        ("DRUMLOOP01", {6}),
        ("dru", {6, 7}),
        ("drum piano", set()),
        ('" NEAR( * OR', set()),
        ("--", set()),
        ("", set()),
    ],
)
def test_sources_are_found_by_their_names(catalogue, text, sources):
    found = catalogue.named(text, 10)
    assert sorted(found) == sorted(3 * source for source in sources)
    assert len(catalogue.named(text, 1)) == min(len(sources), 1)


def test_the_vocabulary(catalogue):
    vocabulary = catalogue.vocabulary
    assert vocabulary is not None and set(vocabulary.labels) == set(SHARES)
    assert vocabulary.head.shape == (len(SHARES), 128) and vocabulary.head.dtype == np.float32
    assert np.linalg.norm(vocabulary.head, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-5)


def test_filters_that_let_nothing_through(catalogue):
    assert catalogue.nearest(catalogue.vectors_of([7]), 5, chosen=Filter((("hundredth",),), ("half",))) == [[]]
    assert catalogue.nearest(catalogue.vectors_of([7]), 5, chosen=Filter(only=(("no such label",),))) == [[]]


def test_all_that_there_is(catalogue):
    (query,) = catalogue.vectors_of([0])
    assert catalogue.nearest([query], 1000) == [expected(catalogue, query, 1000)]
    (every,) = catalogue.nearest([query], 5000, distinct=False)
    assert len(every) == 1999


def test_windows_are_merged_above(catalogue):
    found = search(catalogue, catalogue.vectors_of([30, 61, 92]), 12)
    assert {match.item: match.place for match in found[:3]} == {30: 0, 61: 1, 92: 2}
    assert len({match.item // 3 for match in found}) == len(found) == 12


def test_facts(opened):
    catalogue, location = opened
    facts = catalogue.facts
    assert (facts.clips, facts.searchable, facts.sources, facts.labels, facts.dimension) == (2000, 1999, 667, 4, 128)
    assert (facts.space, facts.kind, len(catalogue), catalogue.id) == ("vggish-pca", "test", 2000, facts.id)
    assert read_facts(location) == facts
    assert facts.recipe.pooling == "mean" and facts.recipe.centre is not None
    assert catalogue.version == "" and catalogue.identity_now() == catalogue.identity
    assert catalogue.added_as("ab" * 32) is None
    catalogue.still_whole()
    catalogue.warm()
    assert "2,000 clips" in catalogue.verify()


def test_clips_and_vectors(catalogue):
    found = catalogue.clips([1999, 3, 5000, 0])
    assert [(clip.item, clip.clip_id) for clip in found] == [
        (1999, "src00000666_10000"),
        (3, "src00000001_0"),
        (0, "src00000000_0"),
    ]
    assert found[0].url == "https://youtu.be/src00000666?t=10"
    vectors = catalogue.vectors_of([SILENT, 4, 3])
    assert vectors.dtype == np.float32 and vectors.shape == (3, 128)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([0, 1, 1], abs=1e-6)
    everything = list(catalogue.all_clips())
    assert [clip.item for clip, _ in everything] == list(range(2000))
    assert np.array_equal(np.stack([vector for _, vector in everything]), catalogue.vectors_of(range(2000)))


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("#193", 193),
        (" src00000064_10000 ", 193),
        ("src00000064", 192),
        ("https://youtu.be/src00000064?t=15", 193),
        ("a copy", 21),
        ("#2000", None),
        ("nonsense", None),
    ],
)
def test_names(catalogue, name, item):
    assert catalogue.find(name) == item
    assert catalogue.has(name) == (item is not None)
    if item is None:
        with pytest.raises(UnknownClip):
            catalogue.clip(name)
    else:
        assert catalogue.clip(name).item == item
    assert catalogue.copies("src00000007") == 2


def test_a_misspelt_name_gets_suggestions(catalogue):
    with pytest.raises(UnknownClip, match="Did you mean") as caught:
        catalogue.clip("src0000O064")
    assert any(near.startswith("src00000064_") for near in caught.value.suggestions)


def test_labels(catalogue):
    assert dict(catalogue.label_counts()) == {name: 2000 // every for name, every in SHARES.items()}
    assert (catalogue.label(" HALF "), catalogue.labels("T", 5)) == ("half", ["tenth", "thousandth"])
    with pytest.raises(UnknownLabel, match="Did you mean tenth"):
        catalogue.label("tent")
    assert catalogue.random("thousandth").item in {0, 1000}
    assert catalogue.random().item != SILENT


def test_nothing_is_added_where_there_is_no_library(catalogue):
    with pytest.raises(CannotWrite):
        catalogue.add(Addition("x", "ab" * 32, "x", (), [(0, 10)], np.ones((1, 128), np.float32)))


def test_it_can_be_mapped(catalogue):
    drawn = make_map(catalogue, 2000)
    searchable = [clip for clip, vector in catalogue.all_clips() if vector.any()]
    assert drawn.clips == searchable and len(drawn.points) == catalogue.facts.searchable == drawn.total
    assert len(make_map(catalogue, 5).clips) <= 5


def test_it_can_be_evaluated(catalogue, monkeypatch):
    for name, number in {"RECALL_QUERIES": 100, "LABEL_QUERIES": 100, "EXACT_QUERIES": 5}.items():
        monkeypatch.setattr(evaluation, name, number)
    measured = evaluate(catalogue, progress=False)
    assert measured.recall_at_10 >= 0.98 and measured.clips == 2000
    assert (measured.recall_queries, measured.label_queries) == (100, 100)


@pytest.mark.parametrize("location", ["redis://user:secret@host/1", "s3://bucket"])
def test_a_location_of_an_unknown_kind_is_a_sentence(location):
    for ask in (open_catalogue, read_facts):
        with pytest.raises(NoCatalogue, match=r"knows no catalogues at \w+://….*CATALOGUE") as caught:
            ask(location)
        assert "secret" not in str(caught.value)
