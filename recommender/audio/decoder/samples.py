"""Frames as ffmpeg's codecs leave them, to floats, and from one channel of floats on to 16-bit samples."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

_FULL_SCALE = 32_768
_UNSAFE_PLANES = 8
"""PyAV 18 looks for the end of a frame's planes beyond the eighth, and crashes there."""
_FLOAT_PEAK = np.float32(8)
"""Float files may exceed full scale; far beyond it (18 dB here) the values are no sound, and would spoil their
neighbours in the resampler."""


def channels_of(frame: AudioFrame) -> NDArray[np.float32]:
    """Return the channels of a frame, (c, n) float32 in [-1, 1]; what is no number becomes silence."""
    if frame.format.is_planar and len(frame.layout.channels) >= _UNSAFE_PLANES:
        frame = _packed(frame)
    samples: NDArray[Any] = frame.to_ndarray()
    channels = samples if frame.format.is_planar else samples.reshape(frame.samples, -1).T
    return _floats(channels)


def _floats(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Scale samples to [-1, 1]; what is no number becomes silence."""
    with np.errstate(over="ignore", invalid="ignore"):
        floats: NDArray[np.float32] = samples.astype(np.float32, order="C")
    if samples.dtype == np.uint8:
        floats -= np.float32(128)
        floats /= np.float32(128)
        return floats
    if samples.dtype.kind == "i":
        floats /= np.float32(-np.iinfo(samples.dtype).min)
        return floats
    return np.nan_to_num(floats, copy=False, nan=0, posinf=0, neginf=0).clip(-_FLOAT_PEAK, _FLOAT_PEAK)


def _packed(frame: AudioFrame) -> AudioFrame:
    """Interleave the channels of a frame, in ffmpeg."""
    converter = av.AudioResampler(format=frame.format.packed, layout=frame.layout, rate=frame.sample_rate)
    (packed,) = converter.resample(frame)
    return packed


def to_int16(mono: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round samples in [-1, 1] to 16 bits; what exceeds full scale is cut there."""
    return np.rint(mono * _FULL_SCALE).clip(-_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
