"""The text encoder: what it is near to what, and that texts do not change one another."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.embedders import text
from recommender.embedders.text import DIMENSION, MOST_TEXTS, MiniLM
from recommender.errors import NoWeights


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM()


def test_what_means_the_same_is_near(encoder: MiniLM):
    puppy, dog, rain, downpour, piano = encoder.encode(["puppy", "dog", "rain", "downpour", "piano"])
    assert puppy @ dog > 0.6 and rain @ downpour > 0.5
    assert max(puppy @ piano, rain @ piano, dog @ rain) < 0.45


def test_a_text_has_one_vector_whatever_it_stands_beside(encoder: MiniLM):
    texts = [f"{'very ' * (number % 7)}loud train {number}" for number in range(MOST_TEXTS + 3)]
    together = encoder.encode(texts)
    assert together.shape == (len(texts), DIMENSION) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for place in (0, 5, MOST_TEXTS + 2):
        assert np.allclose(encoder.encode([texts[place]])[0], together[place], atol=1e-4)


@pytest.mark.parametrize("odd", ["", " ", "\0", "🎸🥁", "雨の音", "a" * 4000, "word " * 800, "\ud800", '"* NEAR('])
def test_any_text_has_a_finite_vector(odd: str, encoder: MiniLM):
    assert np.isfinite(encoder.encode([odd.encode("utf-8", "replace").decode()])).all()


def test_without_its_files_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text, "find_in_package", lambda package, inside: None)
    with pytest.raises(NoWeights, match="make install"):
        MiniLM()
