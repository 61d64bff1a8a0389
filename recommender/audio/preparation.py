"""What is done to decoded audio before an embedder gets it: the same for the clips of a catalogue and for queries.

Each window of 10 s is prepared by itself: its silent ends are left out, its level is evened, and rows of the embedder
that hold next to no sound are named, so that they stay out of pooling. The timeline between the ends stays as it is.
Measured on ESC-10 by `benchmarks.library_esc10` and `benchmarks.library_conditions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLAIN = "plain"
"""Nothing is done: catalogues of 0.1, and AudioSet's own features, which were made so."""
TO_LAST_ROW = "even-1"
"""As below, but what comes after the last whole row is not embedded."""
EVEN = "even-2"
"""Ends trimmed, level evened, silent rows left out; silence behind the end, so that rows reach to it. A change of any
figure below is another name."""
PREPARATIONS = (PLAIN, TO_LAST_ROW, EVEN)

_BLOCKS = 50
"""Blocks a second, 20 ms each, in which loudness is judged."""
_RANGE_DB = 45.0
"""So far below its loudest block, a clip holds no sound of its own."""
_ABOVE_FLOOR_DB, _LEAST_RANGE_DB = 10.0, 20.0
"""A noise floor counts as silence where the loudest block is this much above it: the limit lies above the floor, but
never nearer to the loudest block than that."""
_FLOOR_PERCENTILE = 5
_ROW_SHARE = 0.25
"""Share of a row that must hold sound; where no row has so much, half of what the best one has: ticks of a clock."""
_LEVEL = 0.1
"""Root mean square that the sounding blocks are brought to, of full scale 1, as far as the peak allows."""
_SHORTEST_SECONDS = 0.975
"""Shorter sounds are followed by silence up to this, as they are within a longer file: one row of YAMNet."""
_WINDOW_RANGE_DB = 40.0
"""A window whose loudest block is so far below the file's holds its noise floor alone."""
_FULL_SCALE = 32_768
_NO_SOUND_DB = -120.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared window. pcm: int16 (n,); active: which of its blocks of 20 ms hold sound; block: samples of one;
    loudest: dB of full scale, before the level was evened."""

    pcm: NDArray[np.int16]
    active: NDArray[np.bool_]
    block: int
    loudest: float

    def rows(self, hop: int, window: int, count: int) -> NDArray[np.bool_]:
        """Say which of an embedder's rows hold sound. hop, window: samples of its framing; count: of its rows."""
        sums = np.concatenate(([0], np.cumsum(self.active)))
        starts = np.arange(count) * hop
        first = np.minimum(starts // self.block, len(self.active))
        last = np.minimum((starts + window) // self.block, len(self.active))
        share = (sums[last] - sums[first]) * self.block / window
        least = min(_ROW_SHARE, 0.5 * float(share.max(initial=0)))
        # Sound shorter than a block may lie beside every row's middle: then all rows count.
        return share >= least


def prepare(pcm: NDArray[np.int16], rate: int, *, trim: bool = True, even: bool = True) -> Prepared:
    """Prepare one window (n,) int16 at a rate; it must not be silent. trim, even: False leaves that step out, so that
    what each is worth can be measured."""
    block = rate // _BLOCKS
    levels = _levels(pcm, block)
    loudest = float(levels.max())
    active = levels >= _limit(levels) if trim else np.full(len(levels), True)
    first, last = np.flatnonzero(active)[[0, -1]]
    samples = pcm[first * block : (last + 1) * block].astype(np.float64)
    active = active[first : last + 1]
    power = float(np.mean(10 ** (levels[first : last + 1][active] / 10)))
    peak = float(np.abs(samples).max()) or 1.0
    gain = min(_LEVEL / max(power**0.5, 1e-6), (_FULL_SCALE - 1) / peak) if even else 1.0
    evened = np.rint(samples * gain).clip(-_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    shortest = int(_SHORTEST_SECONDS * rate)
    if len(evened) < shortest:
        evened = np.pad(evened, (0, shortest - len(evened)))
    return Prepared(evened, active, block, loudest)


def sounding(loudest: Sequence[float]) -> list[bool]:
    """Say which windows of a file hold more than its noise floor, by the dB of each one's loudest block."""
    limit = max(loudest, default=0.0) - _WINDOW_RANGE_DB
    return [level >= limit for level in loudest]


def _levels(pcm: NDArray[np.int16], block: int) -> NDArray[np.float64]:
    """Return the dB of full scale of each block of 20 ms, without its offset."""
    count = -(-len(pcm) // block)
    blocks = np.zeros(count * block)
    blocks[: len(pcm)] = pcm
    # An offset is no sound, and its step at the end of the last block would be.
    blocks[len(pcm) :] = pcm[-1]
    power = (blocks.reshape(count, block) / _FULL_SCALE).var(axis=1)
    levels: NDArray[np.float64] = np.maximum(10 * np.log10(power + 1e-12), _NO_SOUND_DB)
    return levels


def _limit(levels: NDArray[np.float64]) -> float:
    """Return the dB from which on a block holds sound."""
    loudest = float(levels.max())
    floor = float(np.percentile(levels, _FLOOR_PERCENTILE))
    limit = loudest - _RANGE_DB
    if loudest - floor >= _LEAST_RANGE_DB:
        limit = max(limit, min(floor + _ABOVE_FLOOR_DB, loudest - _LEAST_RANGE_DB))
    return limit
