from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.audio import SAMPLE_RATE
from recommender.audio.preparation import prepare, sounding
from tests.support.audio import melody, pcm16

HOP, WINDOW = 15_360, 15_600
"""YAMNet's framing."""


def around(sound: np.ndarray, seconds: float, noise: float = 0.0) -> np.ndarray:
    """Put silence, or noise of a standard deviation, around and beneath a sound."""
    padded = np.pad(sound, int(seconds * SAMPLE_RATE))
    return padded + noise * np.random.default_rng(1).standard_normal(len(padded))


@pytest.mark.parametrize("noise", [0.0, 10 ** (-65 / 20)])
def test_silent_ends_and_a_noise_floor_are_cut_off(noise: float):
    sound = melody(3)
    alone, padded = (prepare(pcm16(samples), SAMPLE_RATE) for samples in (sound, around(sound, 3, noise)))
    assert abs(len(padded.pcm) - len(alone.pcm)) <= 2 * alone.block
    assert np.std(padded.pcm) == pytest.approx(np.std(alone.pcm), rel=0.05)


@given(st.floats(-60, 0))
def test_level_is_the_same_whatever_it_was(decibels: float):
    loud = prepare(pcm16(melody(2)), SAMPLE_RATE)
    quiet = prepare(pcm16(melody(2) * 10 ** (decibels / 20)), SAMPLE_RATE)
    assert np.std(quiet.pcm) == pytest.approx(np.std(loud.pcm), rel=0.15)
    assert int(np.abs(quiet.pcm.astype(int)).max()) <= 32_768


def test_pauses_keep_their_place_and_their_rows_are_named():
    pause = np.zeros(3 * SAMPLE_RATE)
    prepared = prepare(pcm16(np.concatenate((melody(3), pause, melody(3, seed=2)))), SAMPLE_RATE)
    assert abs(len(prepared.pcm) - 9 * SAMPLE_RATE) < 2 * prepared.block
    count = 1 + (len(prepared.pcm) - WINDOW) // HOP
    rows = prepared.rows(HOP, WINDOW, count)
    middles = (np.arange(count) * HOP + WINDOW / 2) / SAMPLE_RATE
    assert rows[(middles < 2.5) | (middles > 6.5)].all()
    assert not rows[(middles > 3.6) & (middles < 5.4)].any()


def test_a_click_has_a_row_and_silence_behind_it():
    prepared = prepare(pcm16(melody(0.005)), SAMPLE_RATE)
    assert len(prepared.pcm) == WINDOW
    assert prepared.rows(HOP, WINDOW, 1).all()


def test_ticks_keep_the_rows_that_they_lie_in():
    samples = np.zeros(8 * SAMPLE_RATE, np.float32)
    for second in range(8):
        samples[second * SAMPLE_RATE :][:400] = melody(0.025, seed=second)[:400]
    prepared = prepare(pcm16(samples), SAMPLE_RATE)
    assert prepared.rows(HOP, WINDOW, 1 + (len(prepared.pcm) - WINDOW) // HOP).any()


def test_windows_that_hold_the_noise_floor_alone_do_not_sound():
    assert sounding([-12.0, -60.0, -30.0]) == [True, False, True]
    assert sounding([-60.0, -62.0]) == [True, True]
    assert sounding([]) == []
