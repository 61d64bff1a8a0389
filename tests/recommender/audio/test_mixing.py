from __future__ import annotations

import numpy as np
import pytest

from recommender.audio import mixing
from recommender.audio.mixing import Mixer, mix
from tests.support.audio import melody

RATE = 16_000


def test_what_does_not_cancel_is_averaged():
    channels = np.stack([melody(1, seed=n) for n in range(6)]).astype(np.float32)
    np.testing.assert_allclose(mix(channels), channels.mean(axis=0), atol=1e-6)


def test_channels_that_cancel_are_turned_before_they_are_added():
    sound = melody(1, seed=1).astype(np.float32)
    side = melody(1, seed=2).astype(np.float32) / 4
    for signs in ([1, -1], [1, -1, 0], [0, 1, -1], [1, 1, 1, -1, -1]):
        mixed = mix(np.stack([sign * sound if sign else side for sign in signs]))
        assert abs(np.corrcoef(mixed, sound)[0, 1]) > 0.95
        assert np.std(mixed) > 0.5 * np.std(sound)


def test_one_channel_of_many_keeps_its_level_and_one_of_two_is_averaged():
    sound = melody(1, seed=1).astype(np.float32)
    eight = np.zeros((8, len(sound)), np.float32)
    eight[3] = sound
    np.testing.assert_allclose(mix(eight), sound, atol=1e-6)
    np.testing.assert_allclose(mix(eight[2:4]), sound / 2, atol=1e-6)
    assert not mix(np.zeros((8, 100), np.float32)).any()


def wide() -> np.ndarray:
    """Stereo that cancels, in stretches of half a second, by more and by less than half of its energy."""
    rng = np.random.default_rng(1)
    middle, side = rng.normal(0, 0.1, (2, 8 * RATE)).astype(np.float32)
    more = np.repeat([0.55, 0.8] * 8, RATE // 2).astype(np.float32)
    return np.stack([middle * more + side, middle * more - side])


@pytest.mark.parametrize("held", [mixing._HELD_VALUES, 2 * RATE])
def test_a_stream_is_mixed_in_one_way_from_its_beginning_to_its_end(monkeypatch: pytest.MonkeyPatch, held: int):
    monkeypatch.setattr(mixing, "_HELD_VALUES", held)
    channels = wide()
    ways = np.array([[1, 1], [1, -1], [-1, 1]], np.float32) / 2
    pieces = np.split(channels, 32, axis=1)
    # Each piece by itself would be mixed in one of two ways.
    assert len({int(np.argmin([np.abs(way @ piece - mix(piece)).max() for way in ways])) for piece in pieces}) > 1
    mixer = Mixer(2)
    mixed = np.concatenate([*(part for piece in pieces for part in mixer.push(piece)), *mixer.flush()])
    assert any(np.allclose(way @ channels, mixed, atol=1e-6) for way in ways)


def test_a_stream_that_is_inverted_later_is_turned_there_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mixing, "_HELD_VALUES", 2 * RATE)
    sound = np.random.default_rng(2).normal(0, 0.1, 30 * RATE).astype(np.float32)
    channels = np.stack([sound, np.concatenate([sound[:RATE], -sound[RATE:]])])
    mixer = Mixer(2)
    parts = [part for piece in np.split(channels, 60, axis=1) for part in mixer.push(piece)]
    mixed = np.concatenate([*parts, *mixer.flush()])
    assert len(mixed) == len(sound)
    assert np.std(mixed[-20 * RATE :]) > 0.09


def test_one_channel_goes_through_as_it_is():
    sound = melody(1).astype(np.float32)
    mixer = Mixer(1)
    assert [part is not None and bool((part == sound).all()) for part in mixer.push(sound[None])] == [True]
    assert not list(mixer.flush())
