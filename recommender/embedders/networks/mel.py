"""Mel spectrograms in numpy, as the embedders' authors computed them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE

FFT_SIZE = 512
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_LINEAR_HZ = 200.0 / 3
_SLANEY_LOG_STEP = np.log(6.4) / 27
"""Slaney's Auditory Toolbox (1998): linear up to 1 kHz, 66.7 Hz a mel; above, 27 mels for each factor of 6.4."""


def hann(size: int) -> NDArray[np.float64]:
    """Periodic Hann window, float64 (size,)."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi / size * np.arange(size)))


def spectrum(samples: NDArray[Any], window: NDArray[Any], hop: int) -> NDArray[Any]:
    """Compute short-time spectra without padding: complex (frames, 257) of samples (n,), in their precision.

    Each frame is weighted by the window, and zero-padded to 512.
    """
    frames = sliding_window_view(samples, len(window))[::hop]
    return np.fft.rfft(frames * window, FFT_SIZE, axis=1)


def slaney_bands(count: int) -> NDArray[np.float32]:
    """librosa's default mel filters for 16 kHz: float32 (257, count), 0 to 8 kHz, each of unit area."""
    limit = _slaney_mel(np.array(SAMPLE_RATE / 2))
    edges = _slaney_hz(np.linspace(0, limit, count + 2))
    triangles = _triangles(_fft_hz(), edges)
    return (triangles * (2 / (edges[2:] - edges[:-2]))).astype(np.float32)


def htk_bands(count: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """AudioSet's mel filters for 16 kHz: float64 (257, count), triangles in mels (HTK), of unit height, without DC."""
    edges = np.linspace(_htk_mel(low_hz), _htk_mel(high_hz), count + 2)
    triangles = _triangles(np.array([_htk_mel(hz) for hz in _fft_hz()]), edges)
    triangles[0] = 0
    return triangles


def _fft_hz() -> NDArray[np.float64]:
    return np.linspace(0, SAMPLE_RATE / 2, FFT_SIZE // 2 + 1)


def _triangles(bins: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rise from each edge to the next and fall to the one after; (bins, len(edges) - 2)."""
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


def _htk_mel(hz: float) -> float:
    return float(1127 * np.log1p(hz / 700))


def _slaney_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ + np.log(hz / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_BREAK_HZ, hz / _SLANEY_LINEAR_HZ, above)


def _slaney_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = _SLANEY_BREAK_HZ / _SLANEY_LINEAR_HZ
    above = _SLANEY_BREAK_HZ * np.exp(_SLANEY_LOG_STEP * (mel - break_mel))
    return np.where(mel < break_mel, mel * _SLANEY_LINEAR_HZ, above)
