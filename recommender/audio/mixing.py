"""Many channels to one, so that they do not cancel each other: in one way for all of a stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_CANCELLED = 0.5
"""Share of the channels' energy in their sum, under which they cancel: channels that have nothing in common keep 1,
equal ones as many as there are, inverted ones 0."""
_CANCELLED_SINCE = 0.25
"""The same for a stream that goes on otherwise than it began; far enough below that none goes to and fro."""
_SILENT = 1e-6
"""Energy of a silent channel, of the loudest one's: -60 dB."""
_FEW = 4
"""Where no more than one channel in so many sounds, the silent ones are left out: a mean would bury it in rounding."""
_HELD_VALUES = 8_000_000
"""Samples of all channels together by which it is decided: 90 s of stereo at 44.1 kHz, 32 MB."""

Channels = NDArray[np.float32]


class Mixer:
    """Mixes a stream of so many channels; most are decided upon as a whole, long ones by how they begin."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._held: list[Channels] = []
        self._values = 0
        self._common = np.zeros((count, count))
        self._weights: NDArray[np.float32] | None = np.ones(1, np.float32) if count == 1 else None

    def push(self, channels: Channels) -> Iterator[NDArray[np.float32]]:
        """Take samples (count, n); yield what can be mixed by now, (n,) each."""
        if self.count == 1:
            yield channels[0]
            return
        self._common += channels @ channels.T
        if self._weights is None:
            self._held.append(channels)
            self._values += channels.size
            if self._values >= _HELD_VALUES:
                yield from self.flush()
            return
        if _share(self._weights, self._common) < _CANCELLED_SINCE:
            self._weights = weights(self._common)
        yield self._weights @ channels

    def flush(self) -> Iterator[NDArray[np.float32]]:
        """Yield what is held; more may be pushed after it."""
        if self._held:
            self._weights = weights(self._common)
        while self._held and self._weights is not None:
            yield self._weights @ self._held.pop(0)


def mix(channels: Channels) -> NDArray[np.float32]:
    """Return a whole stream (c, n) mixed: (n,)."""
    return weights(channels @ channels.T) @ channels


def weights(common: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what each channel is multiplied by, (c,), given the products of all with all (c, c).

    Mostly the mean, as librosa and VGGish mix; ffmpeg weighs channels by their place. Where they cancel (inverted, all
    in the side signal, an inverted surround), each is turned the way that adds to those before it, the loudest first.
    """
    energies = np.diag(common)
    sounding = energies > _SILENT * energies.max(initial=0)
    if 0 < sounding.sum() * _FEW <= len(sounding):
        signs = sounding.astype(np.float32)
    else:
        signs = np.ones(len(sounding), np.float32)
    if _share(signs, common) < _CANCELLED:
        sounding = signs > 0
        signs = np.zeros(len(sounding), np.float32)
        for channel in np.argsort(-energies, kind="stable"):
            signs[channel] = sounding[channel] * (-1 if float(signs @ common[channel]) < 0 else 1)
    scaled: NDArray[np.float32] = signs / np.float32(np.abs(signs).sum())
    return scaled


def _share(signs: NDArray[np.float32], common: NDArray[np.floating]) -> float:
    """Return the share of the energy that is in a sum; 1 for silence."""
    scale = float(np.abs(signs).max()) or 1.0
    energy = float(np.trace(common))
    return float(signs @ common @ signs) / scale**2 / energy if energy > 0 else 1.0
