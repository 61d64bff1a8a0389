"""What the published VGGish figures were resampled with: resampy 0.2.2's `kaiser_best`, step by step in numpy.

The step between taps is truncated to whole table entries, and the time of an output is a running sum: both leave traces
in the quiet bands of a spectrogram, and so both are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ZEROS, _TABLE, _ROLLOFF, _BETA = 64, 512, 0.9475937167399596, 14.769656459379492


def resample_to_16k(x: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Resample (n,) from a higher rate to 16 kHz."""
    ratio = 16_000 / rate
    size = _TABLE * _ZEROS
    window = np.kaiser(2 * size + 1, _BETA)[size:]
    taps = ratio * _ROLLOFF * np.sinc(_ROLLOFF * np.linspace(0, _ZEROS, size + 1)) * window
    slopes = np.append(np.diff(taps), 0)
    step = int(ratio * _TABLE)
    count = int(len(x) * ratio)
    times = np.concatenate([[0], np.cumsum(np.full(count - 1, 1 / ratio))])
    nearest = times.astype(int)
    out = np.zeros(count)
    for direction in (-1, 1):
        fraction = ratio * (times - nearest)
        position = (fraction if direction < 0 else ratio - fraction) * _TABLE
        offset = position.astype(int)
        rest = position - offset
        reach = (len(taps) - offset) // step
        for tap in range(int(reach.max())):
            source = nearest - tap if direction < 0 else nearest + tap + 1
            known = (tap < reach) & (source >= 0) & (source < len(x))
            index = np.where(known, offset + tap * step, 0)
            out += np.where(known, (taps[index] + rest * slopes[index]) * x[np.where(known, source, 0)], 0)
    return out
