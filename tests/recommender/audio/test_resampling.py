from __future__ import annotations

import numpy as np
import pytest

from recommender.audio.resampling import MAX_RATE, Resampler, resample


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 352_800, 44_099])
def test_a_sine_stays_a_sine(rate: int):
    time = np.arange(rate) / rate
    out = resample(np.sin(2 * np.pi * 1000 * time).astype(np.float32), rate)
    assert abs(len(out) - 16_000) <= 1
    expected = np.sin(2 * np.pi * 1000 * np.arange(len(out)) / 16_000)
    np.testing.assert_allclose(out[500:-500], expected[500:-500], atol=2e-4)


def test_what_16_khz_cannot_hold_is_gone():
    out = resample(np.sin(2 * np.pi * 9000 * np.arange(44_100) / 44_100).astype(np.float32), 44_100)
    assert np.abs(out[500:-500]).max() < 1e-4


def test_pieces_join_to_the_whole():
    sound = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)
    resampler = Resampler(44_100)
    parts = [resampler.push(part) for part in np.split(sound, [1, 100, 5000, 5001, 40_000])]
    np.testing.assert_allclose(np.concatenate([*parts, resampler.flush()]), resample(sound, 44_100), atol=1e-6)


def test_16_khz_is_left_alone():
    sound = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(resample(sound, 16_000), sound)


def test_nothing_gives_nothing():
    assert len(resample(np.empty(0, np.float32), 44_100)) == 0


@pytest.mark.parametrize("rate", [0, -1, MAX_RATE + 1])
def test_rates_beyond_belief(rate: int):
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(rate)


@pytest.mark.parametrize(("share", "passed"), [(0.83, 1.0), (0.917, 0.5), (0.99, 0.0)])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_rolls_off_like_the_authors_resampler(rate: int, share: float, passed: float):
    sine = np.sin(2 * np.pi * share * 8000 * np.arange(2 * rate) / rate).astype(np.float32)
    out = resample(sine, rate)[2000:-2000]
    assert out.std() * 2**0.5 == pytest.approx(passed, abs=0.03)
