"""raw-frames answers as the seed notebook does, which is written out here: lists of bytes, plain cosines."""

from __future__ import annotations

import math

import pytest

from recommender.cli import main
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.sources.sequence_example import frames_of, read
from recommender.sources.tfrecord import Damage, pieces, records

PUBLISHED = {
    "ELq5Oxwcmfs": 0.8113,
    "BHu95Y_kVQA": 0.8057,
    "92sRFZvCnWo": 0.8036,
    "ENX0totqysA": 0.8035,
    "2blZkl-4FAs": 0.8010,
    "CGBWm0WAnZ4": 0.8003,
    "8rCYRgePG-4": 0.7987,
    "8XBsesSEbbU": 0.7970,
    "7-mNJ4IUY5Q": 0.7967,
}
"""What the notebook published for 1OU19ANx4fg, over clips of the eval split."""


def build(shared_data, out, split):
    metadata = shared_data / "audioset-metadata/class_labels_indices.csv"
    features = str(shared_data / "audioset-features")
    options = ["--labels", str(metadata), "--out", str(out), "--split", split, "--vectors", "raw-frames"]
    assert main(["build", "audioset", features, *options, "--trees", "10"]) == 0
    return Recommender.open(Settings(catalogue=out, _env_file=None))


def notebook(folder) -> dict[str, list[int]]:
    """Flatten ten frames of each clip into a list of bytes, leaving shorter clips out."""
    clips = {}
    for path in sorted(folder.glob("*.tfrecord")):
        with path.open("rb") as stream:
            for piece in pieces(path.name, stream):
                for found in records(piece):
                    assert not isinstance(found, Damage)
                    example = read(found[1])
                    frames = frames_of([example]).tolist()
                    if len(frames) >= 10:
                        clips[example.video_id] = [value for frame in frames[:10] for value in frame]
    return clips


def cosine(first: list[int], second: list[int]) -> float:
    products = sum(a * b for a, b in zip(first, second, strict=True))
    return products / math.sqrt(sum(a * a for a in first) * sum(b * b for b in second))


def test_real_clips_are_ordered_as_by_the_notebook(shared_data, tmp_path):
    recommender = build(shared_data, tmp_path / "c", "unbal_train")
    clips = notebook(shared_data / "audioset-features/audioset_v1_embeddings/unbal_train")
    for query in list(clips)[::200]:
        order = sorted((other for other in clips if other != query), key=lambda o: -cosine(clips[query], clips[o]))
        answer = recommender.similar(query, top=9)
        assert [result.clip.source for result in answer.results] == order[:9]
        similarities = [cosine(clips[query], clips[other]) for other in order[:9]]
        assert [result.similarity for result in answer.results] == pytest.approx(similarities, abs=1e-6)
    recommender.close()


def test_the_published_answers(shared_data, tmp_path):
    if not (shared_data / "audioset-features/audioset_v1_embeddings/eval").is_dir():
        pytest.skip("the eval split, whose clips the notebook published, is not at hand")
    recommender = build(shared_data, tmp_path / "c", "eval")
    answer = recommender.similar("1OU19ANx4fg", top=1000)
    found = {
        result.clip.source: round(result.similarity, 4) for result in answer.results if result.clip.source in PUBLISHED
    }
    assert list(found.items()) == list(PUBLISHED.items())
    recommender.close()
