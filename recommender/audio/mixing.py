"""Many channels to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mix(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of channels (c, n), as librosa and VGGish mix; ffmpeg weighs them by their place."""
    mixed: NDArray[np.float32] = channels.mean(axis=0, dtype=np.float32)
    return mixed
