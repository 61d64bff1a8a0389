"""Many channels to one, so that they do not cancel each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CANCELLED = 0.5
"""Share of the channels' energy in their sum, under which they cancel: channels that have nothing in common keep 1,
equal ones as many as there are, inverted ones 0."""


def mix(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of channels (c, n), as librosa and VGGish mix; ffmpeg weighs them by their place.

    Where they cancel (inverted, all in the side signal, an inverted surround), each is turned the way that adds to
    those before it, the loudest first.
    """
    mixed: NDArray[np.float32] = channels.mean(axis=0, dtype=np.float32)
    if len(channels) == 1:
        return mixed
    common = channels @ channels.T
    energies = np.diag(common)
    if float(common.sum()) >= _CANCELLED * float(energies.sum()):
        return mixed
    order = np.argsort(-energies, kind="stable")
    signs = np.zeros(len(channels), np.float32)
    for channel in order:
        signs[channel] = -1 if float(signs @ common[channel]) < 0 else 1
    turned: NDArray[np.float32] = (signs @ channels) / np.float32(len(channels))
    return turned
