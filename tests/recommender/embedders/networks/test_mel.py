from __future__ import annotations

from pathlib import Path

import numpy as np

from recommender.embedders.networks.mel import hann, htk_bands, slaney_bands, spectrum
from recommender.embedders.vggish import log_mel
from tests.support.resampy022 import resample_to_16k


def test_the_published_log_mel(shared_data: Path):
    """Resampled as the publisher did, the first patch of the 1 kHz sine is equal."""
    published = np.load(shared_data / "vggish-reference" / "sine1k_44100_first_example.npz")["log_mel"]
    sine = np.sin(2 * np.pi * 1000 * np.arange(0, 3, 1 / 44_100))
    np.testing.assert_allclose(log_mel(resample_to_16k(sine, 44_100))[:96], published, rtol=0, atol=1e-11)


def test_log_mel_of_silence_is_the_offset():
    np.testing.assert_array_equal(log_mel(np.zeros(15_600)), np.full((96, 64), np.log(0.01)))


def test_slaney_bands_are_librosas():
    """Figures of librosa.filters.mel(sr=16000, n_fft=512, n_mels=96): linear below 1 kHz, of area 1."""
    bands = slaney_bands(96)
    assert bands.shape == (257, 96) and bands.dtype == np.float32
    peaks = bands.argmax(0) * 16_000 / 512
    assert np.all(np.diff(peaks) >= 0) and peaks[0] < 63 and peaks[-1] > 7600
    wide = bands[:, 60:]
    np.testing.assert_allclose(wide.sum(0) * 16_000 / 512, 1, atol=0.05)


def test_htk_bands_leave_out_what_lies_outside():
    bands = htk_bands(64, 125, 7500)
    assert bands.shape == (257, 64)
    assert not bands[:4].any() and not bands[241:].any()
    assert bands.max() <= 1


def test_spectrum_of_a_sine_in_both_precisions():
    sine = np.sin(2 * np.pi * 1000 * np.arange(2000) / 16_000)
    for dtype in (np.float32, np.float64):
        magnitude = np.abs(spectrum(sine.astype(dtype), hann(400).astype(dtype), 160))
        assert magnitude.dtype == dtype and magnitude.shape == (1 + (2000 - 400) // 160, 257)
        assert set(magnitude.argmax(1)) == {32}
