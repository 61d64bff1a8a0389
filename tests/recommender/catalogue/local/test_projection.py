"""Vectors learned from labels: better where labels hide in what varies little, and the same for uploads."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.local.projection import Learner
from recommender.errors import BuildFailed, CatalogueDamaged
from recommender.recommender import Recommender
from recommender.search.evaluation import label_precision
from recommender.settings import Settings
from recommender.sources.sequence_example import frames_of, read
from recommender.vectors import dequantise, held_out, windows
from tests.recommender.test_recommender import upload
from tests.support.catalogues import SPACE, clips
from tests.support.tfrecords import encoded, made_up

LABELS = tuple(f"label {number}" for number in range(12))


def hidden(count: int, *, noise: float = 4.0):
    """Features whose first twelve values tell the label, quietly, under twelve loud ones that tell nothing."""
    random = np.random.default_rng(4)
    number = random.integers(len(LABELS), size=count)
    quiet = np.eye(len(LABELS))[number] + random.normal(0, 0.3, (count, len(LABELS)))
    features = np.hstack((quiet, random.normal(0, noise, (count, 12)))).astype(np.float32)
    return features, [clip._replace(labels=(LABELS[n],)) for clip, n in zip(clips(count), number, strict=True)]


def build(out, kind, count=1500):
    features, new = hidden(count)
    batches = [ClipBatch(new[:700], features[:700]), ClipBatch(new[700:], features[700:])]
    return write_catalogue(out, space=SPACE, vectors_kind=kind, batches=batches, trees=5, progress=False)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A catalogue whose vectors are learned, read only."""
    folder = tmp_path_factory.mktemp("learned") / "c"
    build(folder, "learned")
    return folder


def test_clips_that_were_not_learned_from_find_their_labels(tmp_path, learned):
    precision = {}
    build(tmp_path / "mean", "mean")
    for kind, folder in (("mean", tmp_path / "mean"), ("learned", learned)):
        catalogue = LocalCatalogue.open(folder)
        items = np.flatnonzero(held_out(np.arange(len(catalogue))))
        assert len(items) == 150
        precision[kind], _, _ = label_precision(catalogue, items, progress=False)
        catalogue.close()
    assert precision["learned"] > 2 * precision["mean"]


def test_the_same_labels_teach_the_same(tmp_path, learned):
    first, second = Manifest.read(learned), build(tmp_path / "b", "learned")
    assert first.files["projection.npy"] == second.files["projection.npy"]
    assert first.files["vectors.npy"] == second.files["vectors.npy"]
    assert first.dimension == 12


def test_one_pass_in_batches_equals_all_at_once():
    features, new = hidden(1200)
    whole, parts = Learner(), Learner()
    labels = [clip.labels for clip in new]
    whole.add(features, labels, 0)
    for first in range(0, 1200, 170):
        parts.add(features[first : first + 170], labels[first : first + 170], first)
    for a, b in zip(whole.fit(), parts.fit(), strict=True):
        assert a == pytest.approx(b, abs=1e-9)


@pytest.mark.parametrize(("count", "names"), [(900, 12), (1500, 3)])
def test_too_little_to_learn_from(tmp_path, count, names):
    features, new = hidden(count)
    new = [clip._replace(labels=clip.labels if clip.labels[0] in LABELS[:names] else ()) for clip in new]
    with pytest.raises(BuildFailed, match="--vectors mean"):
        write_catalogue(
            tmp_path / "c", space=SPACE, vectors_kind="learned", batches=[ClipBatch(new, features)], progress=False
        )


def test_an_upload_is_projected_as_the_clips_were(tmp_path):
    """Features are mean and deviation of frames: what a build makes of records, an upload makes of frame vectors."""
    examples = [read(encoded(record)) for record in made_up(1300)]
    frames = [dequantise(frames_of([example])) for example in examples]
    features = np.stack([np.concatenate((f.mean(axis=0), f.std(axis=0))) for f in frames]).astype(np.float32)
    new = [NewClip(f"{n}_0", str(n), 0, 10, (LABELS[n % 12],)) for n in range(len(frames))]
    out = tmp_path / "c"
    batches = [ClipBatch(new, features)]
    write_catalogue(out, space=SPACE, vectors_kind="learned", batches=batches, trees=5, progress=False)
    recommender = Recommender.open(Settings(catalogue=out, _env_file=None))
    catalogue = recommender.catalogue
    for item in (0, 5, 17):
        cuts = windows(len(frames[item]), 0.96, 0.96 * len(frames[item]))
        vector = catalogue.facts.recipe.clip_vectors(frames[item], cuts)[0]
        assert vector == pytest.approx(catalogue.vectors_of([item])[0], abs=1e-4)
        answer = recommender.similar_to(upload(frames[item], hop=0.96, sha=f"{item:064d}"))
        assert answer.results[0].clip.item == item
        assert answer.results[0].similarity == pytest.approx(1, abs=1e-4)
    recommender.close()


@pytest.mark.parametrize("content", [b"", b"x" * 100, None], ids=["empty", "no array", "another shape"])
def test_a_damaged_projection_is_refused(tmp_path, learned, content):
    shutil.copytree(learned, tmp_path / "c")
    path, manifest = tmp_path / "c/projection.npy", tmp_path / "c/manifest.json"
    path.chmod(0o644)
    manifest.chmod(0o644)
    if content is None:
        np.save(path, np.zeros((3, 3)))
    else:
        path.write_bytes(content)
    with pytest.raises(CatalogueDamaged, match=r"projection\.npy"):
        LocalCatalogue.open(tmp_path / "c")
    data = json.loads(manifest.read_text())
    data["files"]["projection.npy"]["bytes"] = path.stat().st_size
    manifest.write_text(json.dumps(data))
    with pytest.raises(CatalogueDamaged, match=r"projection\.npy"):
        LocalCatalogue.open(tmp_path / "c")
