"""Embedding in pieces yields what embedding at once yields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.audio import SAMPLE_RATE
from recommender.audio.preparation import PLAIN
from recommender.embedders import registry
from recommender.embedders.local import LocalEmbedder
from recommender.errors import Silent, TooShort
from recommender.library.embedding.windowing import Stopped, analyse
from recommender.prepared_windows import embed_windows, windows_of
from tests.recommender.library.conftest import tune
from tests.support.audio import pcm16
from tests.support.spectral import SpectralNetwork


def blocks(pcm: np.ndarray) -> list[np.ndarray]:
    return [pcm[i : i + 10 * SAMPLE_RATE] for i in range(0, len(pcm), 10 * SAMPLE_RATE)]


@pytest.mark.parametrize("seconds", [0.5, 2.9, 3, 9.99, 10, 14, 16, 49, 61, 125.3])
def test_windows_are_those_of_an_upload(seconds: float) -> None:
    pcm = pcm16(tune(seconds, 3))
    embedder = LocalEmbedder(SpectralNetwork())
    analysis = analyse(blocks(pcm), embedder)
    whole = list(embed_windows(windows_of([pcm], SAMPLE_RATE), embedder, tags=False))
    assert [(w.start, w.end) for w in analysis.windows] == [(w.start, w.end) for w in whole]
    assert np.allclose([w.vector for w in analysis.windows], [w.frames.vectors.mean(axis=0) for w in whole], atol=1e-5)
    assert analysis.seconds == pytest.approx(len(pcm) / SAMPLE_RATE)
    assert all(tag in {"low", "middle", "high"} for w in analysis.windows for tag, _ in w.tags)


def test_silent_windows_are_left_out() -> None:
    loud = pcm16(tune(10, 1))
    pcm = np.concatenate([loud, np.zeros(60 * SAMPLE_RATE, np.int16), loud])
    analysis = analyse(blocks(pcm), LocalEmbedder(SpectralNetwork()))
    assert [w.start for w in analysis.windows] == [0, 70]


@pytest.mark.parametrize(("seconds", "error"), [(0.004, TooShort), (5, Silent), (70, Silent)])
def test_what_cannot_be_embedded(seconds: float, error: type[Exception]) -> None:
    with pytest.raises(error):
        analyse(blocks(np.zeros(round(seconds * SAMPLE_RATE), np.int16)), LocalEmbedder(SpectralNetwork()))


def test_it_can_be_stopped_between_blocks() -> None:
    told: list[float] = []

    def count(seconds: float) -> bool:
        told.append(seconds)
        return len(told) < 2

    with pytest.raises(Stopped):
        analyse(blocks(pcm16(tune(60, 0))), LocalEmbedder(SpectralNetwork()), count)
    assert told == [10, 10]


def test_an_embedder_whose_spec_says_plain_gets_the_audio_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = LocalEmbedder(SpectralNetwork())
    spec = registry.of_space(embedder.space)
    monkeypatch.setattr(registry, "of_space", lambda space: replace(spec, preparation=PLAIN))
    # A second of sound, quiet, in the midst of silence: prepared, all of the latter would be left out.
    pcm = np.pad(pcm16(0.05 * tune(1, 3)), 3 * SAMPLE_RATE)
    (window,) = analyse([pcm], embedder).windows
    np.testing.assert_allclose(window.vector, embedder.embed(pcm).vectors.mean(axis=0), rtol=1e-5, atol=1e-6)
    monkeypatch.undo()
    (prepared,) = analyse([pcm], embedder).windows
    assert not np.allclose(prepared.vector, window.vector, rtol=1e-2)
