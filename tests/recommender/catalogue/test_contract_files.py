"""What every kind of catalogue must know of a library's files: words, titles, fields and measures, as a folder knows
them, out of which the others are filled."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.answers import Understood
from recommender.catalogue import open_catalogue
from recommender.catalogue.filters import Filter
from recommender.catalogue.local.builder import NewClip
from recommender.catalogue.local.clip_table import ClipTable, ClipTableWriter
from recommender.catalogue.merged import MergedCatalogue
from recommender.catalogue.remote.names import NameReader, formed
from recommender.clips import clip_id
from recommender.errors import BadQuery, UnknownClip
from recommender.recommender import Recommender
from recommender.search.words.ranking import ranked
from recommender.settings import Settings
from tests.support.catalogues import clustered, pushed, write
from tests.support.memory_catalogue import MemoryCatalogue

FILES, WINDOWS = 120, 3
SILENT = 7
WORDS = ("rain", "tin roof", "Señor", "DrumLoop", "door", "Slam", "wind", "drums", "été", "Straße")


def words_of(number: int) -> str:
    return " ".join(random.Random(number).sample(WORDS, 3) * (1 + number % 2))


def fields_of(number: int) -> tuple[tuple[str, str], ...]:
    told = [("description", f"Take {number}, “as it was”")] if number % 3 else []
    told += [("loudness", f"{-10.5 - number % 30} LUFS")] if number % 2 else []
    told += [("tempo", f"{80 + number % 50} BPM")] if number % 5 else []
    return (*told, *([("key", ("C", "Am", "F#m")[number % 3])] if number % 7 else []))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of three windows each; of one, no window has a vector."""
    new = []
    for number in range(FILES):
        path = f"{('Rain', 'Doors', 'Loops')[number % 3]}/{words_of(number).replace(' ', '_')[:30]} {number}.wav"
        title = words_of(number + 1).split()[0] + f" {number}"
        for window in range(WINDOWS):
            found_by, told = f"{path} {words_of(number)}", fields_of(number)
            start = 10.0 * window
            labels = ("Dog",) if number % 2 else ("Rain",)
            new.append(
                NewClip(clip_id(path, start), path, start, start + 10, labels, title, words=found_by, fields=told)
            )
    vectors = clustered(len(new))
    vectors[SILENT * WINDOWS : SILENT * WINDOWS + WINDOWS] = np.nan
    made = tmp_path_factory.mktemp("files") / "c"
    write(made, vectors, new, extra={"kind": "library", "links": "files", "folder": str(made)})
    return made


def in_a_folder(folder, request):
    return str(folder)


def in_postgres(folder, request):
    url = f"{request.getfixturevalue('postgres_url')}&schema=files"
    pushed(folder, url)
    return url


def in_milvus(folder, request):
    url = f"{request.getfixturevalue('milvus_url')}/files"
    pushed(folder, url)
    return url


def in_memory(folder, request):
    return None


@pytest.fixture(scope="module", params=(in_a_folder, in_memory, in_postgres, in_milvus))
def location(request, folder):
    return request.param(folder, request)


@pytest.fixture(scope="module")
def local(folder):
    catalogue = open_catalogue(folder)
    yield catalogue
    catalogue.close()


@pytest.fixture(scope="module")
def catalogue(location, local):
    opened = MemoryCatalogue.copy_of(local) if location is None else open_catalogue(location)
    yield opened
    opened.close()


ASKED = ("rain", "RAIN tin", "sen", "loop", "drumloop", "d", "drum", "door slam", "ete", "strasse", "wind wind",
         "rain 1", "a", "wav", "no such word", "--", "")  # fmt: skip


@pytest.mark.parametrize("text", ASKED)
def test_words_find_the_same_files_in_the_same_order(catalogue, local, text):
    for limit in (1, 7, 1000):
        assert catalogue.named(text, limit) == local.named(text, limit)
    understood = Understood(text)
    chosen = Filter(only=(("Dog",),), told=(("tempo", 100.0, math.inf),))
    assert ranked(catalogue, understood, None, 20, chosen) == ranked(local, understood, None, 20, chosen)


def test_words_are_those_of_the_folder(catalogue, local):
    there = {word: found.tolist() for word, found in catalogue.words()}
    assert there == {word: found.tolist() for word, found in local.words()}
    assert list(there) == sorted(there) and {"senor", "ete", "loop", "drumloop"} <= there.keys()


def test_titles_and_fields_are_those_of_the_folder(catalogue, local):
    everything = range(len(local))
    assert catalogue.clips(everything) == local.clips(everything)
    assert dict(catalogue.names()) == dict(local.names())
    assert any(clip.fields for clip in catalogue.clips(everything))


BOUNDS = [
    (("tempo", 100.0, 110.0),), (("loudness", -math.inf, -20.0),), (("loudness", -20.5, math.inf),), (("key", 19, 19),),
    (("key", 19, 19), ("tempo", 79.5, 80.5)), (("tempo", 300.0, 400.0),),
    (("loudness", -40.0, -10.0), ("tempo", 0.0, 90.0)),
]  # fmt: skip


@pytest.mark.parametrize("told", BOUNDS)
def test_measures_let_the_same_clips_through(catalogue, local, told):
    assert catalogue.measures == local.measures == {"loudness", "tempo", "key"}
    (query,) = local.vectors_of([4])
    for chosen in (Filter(told=told), Filter(only=(("Dog",),), told=told), Filter(longer=5, told=told)):
        ((found,), (wanted,)) = (each.nearest([query], 40, chosen=chosen) for each in (catalogue, local))
        assert [hit.item for hit in found] == [hit.item for hit in wanted]
        expected = {
            number
            for number in range(FILES)
            if number != SILENT and chosen.admits(("Dog",) if number % 2 else ("Rain",), 30, fields_of(number))
        }
        assert {hit.item // WINDOWS for hit in found} <= expected and len(found) == min(40, len(expected))


@pytest.mark.parametrize("typed", ["Doors/Slam", "Loops/drumloop", "rainn 3", "Rain/tin_roof", "no such file at all"])
def test_misspelt_names_get_the_same_suggestions(catalogue, local, typed):
    said = []
    for each in (catalogue, local):
        with pytest.raises(UnknownClip) as caught:
            each.clip(f"{typed}.wv")
        said.append((str(caught.value), caught.value.suggestions))
    assert said[0] == said[1]


def test_answers_are_the_same_to_the_last_word(location, folder):
    if location is None:
        pytest.skip("a catalogue in memory has no location")
    answers = []
    for place in (location, str(folder)):
        recommender = Recommender.open(Settings(catalogue=place, _env_file=None))
        try:
            asked = [
                recommender.similar("#4", top=5, told=(("tempo", 90.0, 120.0),)),
                recommender.similar("door slam", top=5),
            ]
            answers.append([json.dumps(answer.to_json(), sort_keys=True, default=str) for answer in asked])
            with pytest.raises(BadQuery):
                recommender.similar("#4", told=(("brightness", 0.0, 1.0),))
        finally:
            recommender.close()
    assert answers[0] == answers[1]


def test_words_of_several_catalogues_are_those_of_each(local):
    merged = MergedCatalogue({"one": local, "other": local})
    both = {word: found["item"].tolist() for word, found in merged.words()}
    for word, found in local.words():
        items = found["item"].tolist()
        assert both[word] == [*items, *(item + len(local) for item in items)]


NAMES = st.lists(st.text("aäbÉ1 ", min_size=1, max_size=5), min_size=1, max_size=4).map(" ".join)


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=12), NAMES)
def test_what_a_database_finds_is_what_sqlite_finds(tmp_path_factory, files, text):
    path = tmp_path_factory.mktemp("words") / "clips.sqlite"
    writer = ClipTableWriter(path)
    writer.add([(f"{n}", f"s{n}", 0, 1, (), title, None, words, ()) for n, (title, words) in enumerate(files)])
    writer.finish(np.empty(0, np.int64))
    table = ClipTable(path)
    facts, blocks = formed(table.words(), [])
    reader = NameReader(facts, lambda numbers: [blocks[number] for number in numbers], "memory")
    for limit in (1, 20):
        assert reader.named(text, limit) == table.named(text, limit)
    table.close()


def test_words_that_fill_many_blocks(monkeypatch):
    """A common word lies in several blocks, and a beginning of words in many."""
    monkeypatch.setattr("recommender.catalogue.remote.names.BLOCK_BYTES", 200)
    table = {f"w{n:03d}": [(n, 2, 1, 0)] for n in range(300)} | {"wide": [(n, 2, 0, 1) for n in range(300)]}
    dtype = np.dtype([("item", "<u4"), ("length", "<u2"), ("title", "u1"), ("words", "u1")])
    words = [(word, np.array(rows, dtype)) for word, rows in sorted(table.items())]
    names = [(f"file {n}", f"title {n}") for n in range(100)]
    facts, blocks = formed(words, names)
    reads: list[int] = []

    def read(numbers):
        reads.extend(numbers)
        return [blocks[number] for number in numbers]

    reader = NameReader(facts, read, "memory")
    assert reader.named("w123 wide", 5) == [123] and len(reads) < len(blocks)
    assert reader.named("wide", 500) == reader.named("wid", 500) == list(range(300))
    assert reader.named("w12", 50) == list(range(120, 130)) and reader.named("x", 5) == []
    assert [(word, found.tolist()) for word, found in reader.words()] == [(w, f.tolist()) for w, f in words]
    assert reader.names() == names and max(map(len, blocks)) < 600
