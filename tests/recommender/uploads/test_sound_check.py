"""A second of sound through decoder and embedder, and how probes are told of it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from recommender.embedders import Frames
from recommender.errors import BadEmbedding, CannotDecode, DecoderDown, EmbedderBusy, EmbedderDown
from recommender.uploads import sound_check
from recommender.uploads.sound_check import SoundCheck, check_sound


class Embedding:
    """An embedder of one row; raises what it is told to, and may be held up."""

    space = "musicnn-msd"
    tag_names: tuple[str, ...] = ()

    def __init__(self, error: Exception | None = None, value: float = 1.0) -> None:
        self.error = error
        self.value = value
        self.asked: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def embed(self, pcm: np.ndarray, tags: bool = False) -> Frames:
        self.asked.append(len(pcm))
        assert self.free.wait(60)
        if self.error is not None:
            raise self.error
        return Frames(self.space, 1.0, np.full((1, 4), self.value, np.float32), np.empty((1, 0), np.float32), ())


def test_a_second_gets_through():
    embedder = Embedding()
    check_sound(embedder)
    assert embedder.asked == [pytest.approx(16_000, abs=1)]
    check_sound(None)


def test_what_does_not_get_through(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(EmbedderDown):
        check_sound(Embedding(EmbedderDown("Gone.")))
    with pytest.raises(BadEmbedding):
        check_sound(Embedding(value=np.nan))

    def refuse(*_: object, **__: object) -> None:
        raise CannotDecode("This file is damaged.")

    monkeypatch.setattr("recommender.audio.decoding.decode", refuse)
    with pytest.raises(DecoderDown, match="plain WAV"):
        check_sound(Embedding())


def test_an_outcome_is_remembered():
    embedder = Embedding()
    check = SoundCheck(embedder)
    assert check._known.wait(0) is False
    check.trouble()
    assert check._known.wait(60)
    assert [check.trouble() for _ in range(5)] == [""] * 5
    assert len(embedder.asked) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [(EmbedderDown("Gone: start it."), "Gone: start it."), (EmbedderBusy("Full."), ""), (KeyError(1), "KeyError")],
)
def test_what_a_probe_is_told(error: Exception, said: str):
    check = SoundCheck(Embedding(error))
    check.trouble()
    assert check._known.wait(60)
    assert said in check.trouble()
    assert bool(check.trouble()) == bool(said)


def test_a_frozen_embedder_holds_nobody_up(monkeypatch: pytest.MonkeyPatch):
    embedder = Embedding()
    embedder.free.clear()
    check = SoundCheck(embedder)
    assert "still" in check.trouble()
    embedder.free.set()
    assert check._known.wait(60)
    assert check.trouble() == ""
    embedder.free.clear()
    monkeypatch.setattr(sound_check, "FRESH_SECONDS", -1.0)
    assert check.trouble() == ""  # the last outcome still holds
    monkeypatch.setattr(sound_check, "STALE_SECONDS", -1.0)
    assert "has not come back" in check.trouble()
    embedder.free.set()
