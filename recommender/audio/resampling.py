"""Resampling to an embedder's rate with libsoxr, by a filter like that of the embedders' authors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from soxr import soxr_ext

from recommender.audio import SAMPLE_RATE

MAX_RATE = 1_000_000
"""Highest rate, in hertz, that is believed: DSD decodes to 352.8 kHz, PCM goes up to 768 kHz."""

_LSR1Q = 9
"""libsoxr's SOXR_LSR1Q: 19 bits, all below 0.83 of half the lower rate, half of it at 0.916, nothing beyond. That is
nearly resampy 0.4's `kaiser_best` (half at 0.917), which the embedders' Python front ends resample with; the qualities
that soxr's own interface offers pass more of the last kilohertz, which MusiCNN can tell on noise-like audio."""


class Resampler:
    """Turns float32 mono of one rate into that of another, piece by piece; the last piece comes from `flush`."""

    def __init__(self, rate: int, out: int = SAMPLE_RATE) -> None:
        if not 0 < rate <= MAX_RATE:
            raise ValueError(f"sample rate of {rate} Hz")
        self.rate = rate
        self._soxr = None if rate == out else soxr_ext.CSoxr(rate, out, 1, soxr_ext.SOXR_FLOAT32_I, _LSR1Q, False)

    def push(self, mono: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what can be told of the output after these samples (n,); may be empty."""
        return self._process(mono, last=False)

    def flush(self) -> NDArray[np.float32]:
        """Return the rest; nothing may be pushed after this."""
        return self._process(np.empty(0, np.float32), last=True)

    def _process(self, mono: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        if self._soxr is None:
            return mono
        out: NDArray[np.float32] = self._soxr.process_float32(mono[:, None], last)[:, 0]
        return out


def resample(mono: NDArray[np.float32], rate: int, out: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Resample one stretch of audio (n,) from one rate to another."""
    resampler = Resampler(rate, out)
    return np.concatenate([resampler.push(mono), resampler.flush()])
