"""The vectors of everyday words that are kept: the encoder's, of all that labels are called, and not encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recommender.catalogue.everyday_vectors import everyday_vectors
from recommender.catalogue.phrases import google_names, phrases
from recommender.catalogue.vocabulary import LABEL_TEXTS, WordsBuilder
from recommender.embedders.text import MiniLM, Vectors
from recommender.vectors import Recipe


def test_they_are_the_encoders():
    known = everyday_vectors()
    some = list(known)[::40]
    cosines = np.einsum("ij,ij->i", MiniLM().encode(some), np.stack([known[text] for text in some]))
    # What processors without instructions for bytes make of the network differs a little.
    assert cosines.min() > 0.97


def test_all_that_labels_are_called_is_there():
    assert {text for _, text in phrases(google_names())} == everyday_vectors().keys()


def test_a_build_encodes_the_librarys_own_labels_alone(tmp_path: Path):
    asked: list[str] = []

    class Encoder(MiniLM):
        def encode(self, texts: Sequence[str]) -> Vectors:
            asked.extend(texts)
            return super().encode(texts)

    vectors = np.eye(4, dtype=np.float32)
    encoder = Encoder()
    counts = {"Rain": 2, "Old Tapes": 2}
    WordsBuilder(encoder).write(tmp_path, counts, lambda label: np.arange(2), vectors, Recipe())
    assert asked == ["Old Tapes"]
    texts = np.load(tmp_path / LABEL_TEXTS)
    called = phrases(["Old Tapes", "Rain"])
    assert len(called) > 2
    assert texts["label"].tolist() == [place for place, _ in called]
    everyday = everyday_vectors()
    for (_, text), vector in zip(called, texts["vector"], strict=True):
        assert np.allclose(vector, everyday[text] if text in everyday else encoder.encode([text])[0], atol=1e-5)
