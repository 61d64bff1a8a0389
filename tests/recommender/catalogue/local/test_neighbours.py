"""Lists of neighbours: large catalogues are searched by them, and whatever is wrong with their file is told."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from multiprocessing import active_children

import numpy as np
import pytest

from recommender.catalogue.exact import best_items, best_similarities
from recommender.catalogue.filters import Filter
from recommender.catalogue.local import neighbours
from recommender.catalogue.local.builder import facts_of
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.index import built_beside
from recommender.catalogue.recall import spread
from recommender.errors import BuildFailed, CatalogueDamaged
from tests.support.catalogues import clips, clustered, write

FILE = "neighbours.npy"
COUNT = 3000
LABELS = ("Speech", "Dog", "Rain", "Siren", "Bell", "Wind", "Car")
"""Seven: clusters are 40, so that each has all labels; where a label were all of a cluster, a query that leaves it out
would be answered from clusters that lie in no direction, and by which trees stand there."""


def made():
    vectors = clustered(COUNT, clusters=40)
    vectors[11] = np.nan
    return vectors


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A catalogue with lists; one of its clips is silent."""
    folder = tmp_path_factory.mktemp("lists") / "c"
    vectors = made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "FEWEST_CLIPS", COUNT)
        write(folder, vectors, clips(COUNT, labels=LABELS, per_source=3), trees=4)
    return folder


def test_the_index_of_a_large_catalogue_holds_its_vectors(opened, tmp_path):
    assert not (opened.folder / "vectors.npy").exists()
    small = write(tmp_path / "small", made())
    assert "vectors.npy" in small.files
    assert np.array_equal(np.load(tmp_path / "small" / "vectors.npy"), opened.vectors)
    assert not opened.vectors[11].any()


def test_vectors_stay_a_file_where_the_index_ends_before_them(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "FEWEST_CLIPS", COUNT)
    vectors = made()
    vectors[-1] = np.nan
    written = write(tmp_path / "c", vectors, trees=4)
    assert "vectors.npy" in written.files
    with closing(LocalCatalogue.open(tmp_path / "c")) as catalogue:
        assert catalogue.manifest.listed


@pytest.mark.parametrize("kind", ["zero", "nan", "random"])
def test_an_index_with_other_vectors_is_refused(copy_of, kind):
    path = copy_of / "index.ann"
    held = np.memmap(path, np.dtype([("head", "V12"), ("vector", "<f4", 128)]), "r+", shape=(COUNT,))
    held["vector"] = {"zero": 0, "nan": np.nan, "random": np.random.default_rng(1).normal(size=(COUNT, 128))}[kind]
    held.flush()
    agree(copy_of, "index.ann")
    with pytest.raises(CatalogueDamaged, match=r"index\.ann"):
        LocalCatalogue.open(copy_of)


def test_an_index_too_short_for_its_vectors_is_refused(copy_of):
    os.truncate(copy_of / "index.ann", 524 * (COUNT - 1))
    agree(copy_of, "index.ann")
    with pytest.raises(CatalogueDamaged, match=r"index\.ann does not hold all vectors"):
        LocalCatalogue.open(copy_of)


@pytest.fixture
def copy_of(listed, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(listed, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture
def opened(listed):
    catalogue = LocalCatalogue.open(listed)
    yield catalogue
    catalogue.close()


def agree(folder, name=FILE):
    """Make the manifest agree with the file, so that its size does not tell."""
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    facts = facts_of(folder / name)
    data["files"][name] = {"bytes": facts.bytes, "sha256": facts.sha256}
    path.write_text(json.dumps(data))


def held_out(seed, count=100):
    """Queries that are no clips of the catalogue: others of the same clusters."""
    random = np.random.default_rng(seed)
    found = clustered(COUNT, clusters=40)[random.integers(COUNT, size=count)]
    found = found + random.normal(0, 0.6, found.shape)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_large_catalogues_have_lists_and_small_ones_none(opened, tmp_path):
    assert opened.manifest.listed == neighbours.LISTED
    assert opened.describe()["neighbours"] == neighbours.LISTED
    assert FILE in opened.describe()["bytes"]
    assert all(measured.hops for measured in opened.manifest.calibration if measured.recall < 1)
    assert "known answers right" in opened.verify()
    small = write(tmp_path / "small", clustered(100))
    assert (small.listed, FILE in small.files) == (0, False)


def test_a_list_holds_others_that_are_near(opened):
    lists, vectors = opened.finder.lists, opened.vectors
    items = np.setdiff1d(np.arange(COUNT), [11])
    assert not (lists[items] == items[:, None]).any()
    assert not (lists[items] == 11).any()
    assert (lists[11] == 11).all()
    assert all(len(set(row)) == neighbours.LISTED for row in lists[items].tolist())
    exact = best_items(vectors, vectors[items], 11)[:, 1:]
    shares = [len(np.intersect1d(*pair)) / 10 for pair in zip(exact, lists[items], strict=True)]
    assert np.mean(shares) > 0.9


@pytest.mark.parametrize("reason", ["killed", "written"])
def test_an_index_that_cannot_be_built_beside_its_lists_says_why(tmp_path, reason):
    np.save(tmp_path / "vectors.npy", clustered(COUNT))
    folder = tmp_path if reason == "killed" else tmp_path / "no such folder"
    building = built_beside(tmp_path / "vectors.npy", folder / "index.ann", 1, np.empty(0, np.int64))
    before = active_children()
    with pytest.raises(BuildFailed, match=f"{reason}: .*build again"), building:
        if reason == "killed":
            # Not all children of this process: multiprocessing's tracker of resources is one, too, and may be the last.
            (child,) = set(active_children()) - set(before)
            child.kill()


def test_what_is_withheld_stands_in_no_list_before_it_is_admitted():
    vectors = clustered(COUNT, clusters=40)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = np.arange(COUNT)
    withheld = spread(items, 50)
    lists = neighbours.build(vectors, items, withheld, progress=False)
    others = np.setdiff1d(items, withheld)
    assert not np.isin(lists[others], withheld).any()
    assert (lists[withheld] == withheld[:, None]).all()


def test_clips_that_are_all_alike_are_cut_into_cells_that_can_be_compared(monkeypatch):
    monkeypatch.setattr(neighbours, "LARGEST_CELL", 100)
    vectors = np.repeat(np.eye(2, 8, dtype=np.float32), [COUNT - 5, 5], axis=0)
    items = np.arange(COUNT)
    lists = neighbours.build(vectors, items, items[:0], progress=False)
    assert all(len(set(row) - {item}) == neighbours.LISTED for item, row in enumerate(lists[:-5].tolist()))
    assert (np.einsum("ijk,ik->ij", vectors[lists[:-5]], vectors[:-5]) == 1).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("top", [10, 30, 100])
def test_new_queries_find_what_exact_search_finds(opened, monkeypatch, seed, top):
    monkeypatch.setattr("recommender.catalogue.local.nearest.SCAN_VALUES", 0)
    queries = held_out(seed)
    last = best_similarities(opened.vectors, queries, np.full(len(queries), -1), top)[:, -1]
    found = opened.nearest(queries, top, distinct=False)
    recalls = [
        np.mean([hit.similarity >= wanted - 1e-5 for hit in hits]) for hits, wanted in zip(found, last, strict=True)
    ]
    assert np.mean(recalls) >= 0.98
    assert np.mean(np.array(recalls) < 0.8) <= 0.02


@pytest.mark.parametrize(
    "chosen", [Filter(only=(("Dog",),)), Filter(without=("Dog",)), Filter(only=(("Dog", "Rain"),), without=("Siren",))]
)
def test_filters_find_what_exact_search_finds(opened, monkeypatch, chosen):
    queries = held_out(4)
    exact = opened.nearest(queries, 10, chosen=chosen)
    monkeypatch.setattr("recommender.catalogue.local.nearest.SCANNED_FOR_A_NODE", 0)
    found = opened.nearest(queries, 10, chosen=chosen)
    common = [len(set(some) & set(others)) / 10 for some, others in zip(found, exact, strict=True)]
    assert np.mean(common) >= 0.97


def damage(path, kind):
    data = np.load(path)
    start = path.stat().st_size - data.nbytes
    if kind == "short":
        os.truncate(path, path.stat().st_size - 4 * neighbours.LISTED)
    elif kind == "too large a number":
        data[77, 3] = COUNT
    elif kind == "negative":
        data[77, 3] = -1
    elif kind == "zero":
        data[:] = 0
    elif kind == "shifted":
        data = np.roll(data, 1, axis=0)
    elif kind == "other type":
        np.save(path, data.astype(np.int64))
        return
    elif kind == "no array":
        path.write_bytes(b"x" * path.stat().st_size)
        return
    if kind != "short":
        path.write_bytes(path.read_bytes()[:start] + data.tobytes())


@pytest.mark.parametrize(
    "kind", ["short", "too large a number", "negative", "zero", "shifted", "other type", "no array"]
)
def test_damaged_lists_are_refused(copy_of, kind):
    damage(copy_of / FILE, kind)
    agree(copy_of)
    with pytest.raises(CatalogueDamaged, match=rf"{FILE}.*build the catalogue again"):
        LocalCatalogue.open(copy_of)


def test_lists_that_are_gone_or_of_another_size_are_refused(copy_of):
    with (copy_of / FILE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(CatalogueDamaged, match=rf"{FILE} has \d+ bytes, the manifest says"):
        LocalCatalogue.open(copy_of)
    (copy_of / FILE).unlink()
    with pytest.raises(CatalogueDamaged, match=FILE):
        LocalCatalogue.open(copy_of)
    path = copy_of / "manifest.json"
    data = json.loads(path.read_text())
    del data["files"][FILE]
    path.write_text(json.dumps(data))
    with pytest.raises(CatalogueDamaged, match=FILE):
        LocalCatalogue.open(copy_of)


def test_verify_reads_the_lists_and_overwriting_them_is_noticed(copy_of):
    catalogue = LocalCatalogue.open(copy_of)
    with (copy_of / FILE).open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(np.array([5, 6], np.int32).tobytes())
    with pytest.raises(CatalogueDamaged, match=FILE):
        catalogue.still_whole()
    with pytest.raises(CatalogueDamaged, match=FILE):
        catalogue.verify()
    catalogue.close()
