"""Catalogues written by earlier versions are read, or refused with what to do."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.manifest import Manifest
from recommender.errors import CatalogueDamaged
from tests.support.catalogues import clips, clustered, write

KINDS = {"mean": "mean", "raw-frames": "raw-frames", "learned": "mean-deviation"}


def as_0_1(folder, kind):
    """Write the manifest of a catalogue as Soundalike 0.1 did."""
    path = folder / "manifest.json"
    now = json.loads(path.read_text())
    old = {
        "format": 1,
        "id": now["id"],
        "built": now["built"],
        "space": now["space"],
        "vectors": {"kind": kind, "dimension": now["counts"]["dimension"], "centre": now["recipe"]["centre"] or []},
        "counts": {name: now["counts"][name] for name in ("clips", "sources", "searchable", "labels")},
        "index": {name: now["index"][name] for name in ("trees", "seed", "target_recall", "calibration")},
        "files": now["files"],
        "known_answers": now["known_answers"],
        "extra": now["extra"],
    }
    path.chmod(0o644)
    path.write_text(json.dumps(old))


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalogue_of_0_1_is_read(tmp_path, kind):
    vectors, new = clustered(1200), clips(1200, labels=[f"L{i}" for i in range(8)])
    written = write(tmp_path / "c", np.hstack((vectors, np.abs(vectors))), new, kind=kind)
    as_0_1(tmp_path / "c", kind)
    catalogue = LocalCatalogue.open(tmp_path / "c")
    assert catalogue.facts.recipe.pooling == KINDS[kind]
    assert catalogue.facts.recipe.preparation == {}
    assert (catalogue.facts.recipe.centre is None) == (kind == "raw-frames")
    assert (catalogue.facts.recipe.projection is None) == (kind != "learned")
    assert Manifest.read(tmp_path / "c") == written
    catalogue.close()


def test_the_quantised_yamnet_of_0_1_is_refused_with_the_command_that_rebuilds_it(copy):
    path = copy / "manifest.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"space": "yamnet", "extra": {"folder": "/music/my sounds"}}))
    with pytest.raises(CatalogueDamaged, match=r"build library '/music/my sounds' --out .*/"):
        LocalCatalogue.open(copy)
    assert Manifest.standing(copy) is None


def test_a_later_format_and_another_index_are_refused(copy):
    path = copy / "manifest.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"format": 3}))
    with pytest.raises(CatalogueDamaged, match="has format 3, this version reads 2 and 1: build the catalogue again"):
        LocalCatalogue.open(copy)
    path.write_text(json.dumps(data | {"index": {**data["index"], "kind": "faiss"}}))
    with pytest.raises(CatalogueDamaged, match="its index is of kind 'faiss', this version reads 'annoy'"):
        LocalCatalogue.open(copy)


@pytest.mark.parametrize("change", [{"pooling": "median"}, {"preparation": {"name": "even-9"}}])
def test_a_recipe_that_this_version_cannot_follow_is_refused(copy, change):
    path = copy / "manifest.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"recipe": data["recipe"] | change}))
    with pytest.raises(CatalogueDamaged, match=r"another version of Soundalike \(pooling \w+, preparation [\w-]+\)"):
        LocalCatalogue.open(copy)
