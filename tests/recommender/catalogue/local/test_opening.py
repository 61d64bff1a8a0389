"""Opening: no file on disk can crash the process; whatever is wrong is told with the file and the reason."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3

import numpy as np
import pytest

from recommender.catalogue.local.builder import ClipBatch, facts_of, write_catalogue
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.manifest import Manifest
from recommender.errors import CatalogueDamaged, NoCatalogue
from tests.support.catalogues import SPACE, clips, clustered, write

NODE_BYTES = 3 * 4 + 128 * 4
"""Annoy's angular node at 128 dimensions: descendants, two children, the vector."""


def agree(folder, name):
    """Make the manifest agree with a file, so that the sizes do not give the damage away."""
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    facts = facts_of(folder / name)
    data["files"][name] = {"bytes": facts.bytes, "sha256": facts.sha256}
    path.write_text(json.dumps(data))


def refused(folder, reason):
    with pytest.raises(CatalogueDamaged, match=reason) as caught:
        LocalCatalogue.open(folder)
    assert str(folder) in str(caught.value)
    assert "build" in str(caught.value)


def test_a_whole_catalogue_opens(copy):
    catalogue = LocalCatalogue.open(copy)
    assert len(catalogue) == 600
    assert catalogue.vectors.shape == (600, 128)
    catalogue.close()


@pytest.mark.parametrize("name", ["absent", "manifest.json"])
def test_no_catalogue(copy, name):
    with pytest.raises(NoCatalogue, match="build one with"):
        LocalCatalogue.open(copy / name)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", '{"format": 1}', '{"format": 99}', "\xff", "[" * 100_000]
)
def test_a_manifest_that_is_none(copy, content):
    (copy / "manifest.json").write_text(content)
    refused(copy, "manifest")


@pytest.mark.parametrize("field", ["files", "recipe", "index", "counts", "known_answers", "id", "extra"])
@pytest.mark.parametrize("value", [None, 7, "x", [1]])
def test_a_manifest_with_a_wrong_field(copy, field, value):
    data = json.loads((copy / "manifest.json").read_text())
    if field == "id" and value is not None:
        pytest.skip("an id may be anything")
    data[field] = value
    if value is None:
        del data[field]
    (copy / "manifest.json").write_text(json.dumps(data))
    refused(copy, "manifest")


@pytest.mark.parametrize("name", ["clips.sqlite", "vectors.npy", "index.ann"])
def test_a_missing_file(copy, name):
    (copy / name).unlink()
    refused(copy, name)


@pytest.mark.parametrize("name", ["clips.sqlite", "vectors.npy", "index.ann"])
def test_a_file_of_another_size(copy, name):
    os.truncate(copy / name, (copy / name).stat().st_size - NODE_BYTES)
    refused(copy, rf"{name} has \d+ bytes, the manifest says \d+")


@pytest.mark.parametrize("nodes", [2, 10, 100, 590])
def test_an_index_cut_short_between_nodes(copy, nodes):
    index = copy / "index.ann"
    os.truncate(index, index.stat().st_size - nodes * NODE_BYTES)
    agree(copy, "index.ann")
    refused(copy, "index.ann")


@pytest.mark.parametrize("kind", ["random", "zero", "empty", "shifted"])
def test_an_index_of_other_bytes(copy, kind):
    index = copy / "index.ann"
    data = index.read_bytes()
    other = {
        "random": np.random.default_rng(1).bytes(len(data)),
        "zero": bytes(len(data)),
        "empty": b"",
        "shifted": data[NODE_BYTES:] + data[:NODE_BYTES],
    }
    index.write_bytes(other[kind])
    agree(copy, "index.ann")
    refused(copy, "index.ann")


@pytest.mark.parametrize("dimension", [62, 259])
def test_an_index_of_another_dimension_whose_nodes_fit(copy, tmp_path, dimension):
    """Node sizes 260 and 1048: multiples of both and of 524 exist, and such a file loads."""
    write(tmp_path / "other", clustered(600, dimension=dimension))
    other = (tmp_path / "other/index.ann").read_bytes()
    size = len(other) - len(other) % NODE_BYTES
    (copy / "index.ann").write_bytes(other[:size])
    agree(copy, "index.ann")
    refused(copy, "index.ann")


def test_the_manifest_of_another_catalogue(copy, tmp_path):
    write(tmp_path / "other", clustered(600, seed=9))
    shutil.copyfile(tmp_path / "other/manifest.json", copy / "manifest.json")
    refused(copy, r"clips\.sqlite|vectors\.npy|index\.ann")


@pytest.mark.parametrize("name", ["vectors.npy", "index.ann"])
def test_one_file_of_another_catalogue(copy, tmp_path, name):
    write(tmp_path / "other", clustered(600, seed=9))
    (copy / name).write_bytes((tmp_path / "other" / name).read_bytes())
    agree(copy, name)
    refused(copy, name)


@pytest.mark.parametrize("content", ["random", "zero", "nan", "header", "python"])
def test_vectors_of_other_bytes(copy, content):
    path = copy / "vectors.npy"
    data = path.read_bytes()
    if content == "header":
        path.write_bytes(b"x" * 128 + data[128:])
    elif content == "python":
        path.write_bytes(data[:10] + b"{'descr': (\\\n".ljust(118) + data[128:])
    elif content == "nan":
        path.write_bytes(data[:128] + np.full(600 * 128, np.nan, np.float32).tobytes())
    elif content == "zero":
        path.write_bytes(data[:128] + bytes(600 * 128 * 4))
    else:
        path.write_bytes(data[:128] + np.random.default_rng(1).bytes(600 * 128 * 4))
    agree(copy, "vectors.npy")
    refused(copy, r"vectors\.npy")


@pytest.mark.parametrize("content", ["random", "empty", "other", "cut"])
def test_a_table_of_other_bytes(copy, content):
    path = copy / "clips.sqlite"
    data = path.read_bytes()
    path.write_bytes({"random": b"x" * len(data), "empty": b"", "other": b"", "cut": data[: len(data) // 2]}[content])
    if content == "other":
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE clips (item INTEGER)")
        database.close()
    agree(copy, "clips.sqlite")
    refused(copy, r"clips\.sqlite")


def test_damage_in_the_middle_of_the_table_is_an_error_when_it_is_met(copy):
    path = copy / "clips.sqlite"
    data = bytearray(path.read_bytes())
    for page in range(3, len(data) // 4096):
        if page % 2:
            data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(data)
    agree(copy, "clips.sqlite")
    try:
        catalogue = LocalCatalogue.open(copy)
    except CatalogueDamaged:
        return
    with pytest.raises(CatalogueDamaged):
        catalogue.table.check()
    catalogue.close()


def test_a_file_overwritten_in_place_is_noticed_before_it_is_touched(copy):
    catalogue = LocalCatalogue.open(copy)
    catalogue.still_whole()
    with (copy / "index.ann").open("r+b") as file:
        file.truncate(NODE_BYTES)
    with pytest.raises(CatalogueDamaged, match=r"index\.ann was overwritten"):
        catalogue.still_whole()
    catalogue.close()


def test_a_file_renamed_over_the_old_leaves_a_running_process_alone(copy, tmp_path):
    catalogue = LocalCatalogue.open(copy)
    write(tmp_path / "other", clustered(300, seed=9))
    (tmp_path / "other/index.ann").replace(copy / "index.ann")
    catalogue.still_whole()
    assert catalogue.index.candidates(catalogue.vectors[5], 1, 1000).tolist() == [5]
    catalogue.close()
    refused(copy, r"index\.ann")


def test_a_folder_whose_name_has_odd_characters(small, tmp_path):
    folder = tmp_path / "a #1?%20 ü"
    shutil.copytree(small, folder)
    catalogue = LocalCatalogue.open(folder)
    assert catalogue.clip("#3").item == 3
    catalogue.close()


def test_the_manifest_round_trips(small):
    manifest = Manifest.read(small)
    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json())), small) == manifest


def test_a_file_that_may_not_be_read(copy, monkeypatch):
    real = os.open

    def refusing(path, *arguments, **options):
        if str(path).endswith("index.ann"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(CatalogueDamaged, match=r"index\.ann cannot be read \(Permission denied\)"):
        LocalCatalogue.open(copy)


@pytest.mark.parametrize("target", [0.2, 0.5, 0.8])
def test_an_index_of_low_recall_opens(tmp_path, target):
    random = np.random.default_rng(5).normal(0, 1, (1500, 128)).astype(np.float32)
    batch = ClipBatch(clips(1500), random)
    options = {"space": SPACE, "vectors_kind": "mean", "trees": 5, "target_recall": target, "progress": False}
    write_catalogue(tmp_path / "c", batches=[batch], **options)
    LocalCatalogue.open(tmp_path / "c").close()
