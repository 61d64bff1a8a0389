"""The loudness of a file (EBU R 128, ITU-R BS.1770-4), measured on its channels while it is decoded."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_BLOCKS = range(32, 65)
"""Samples that are filtered by one row of a product of matrices; so many that they make up 100 ms."""
_FADED_SECONDS = 0.05
"""After so long, nothing of a sample is left in the filter: -100 dB."""
_STEPS, _FEWEST = 4, 5
"""Blocks are of 400 ms, each 100 ms after the one before; what is shorter than 500 ms has silence behind it."""
_OFFSET, _SILENT, _RELATIVE = -0.691, -70.0, 10.0
"""Of BS.1770: its LUFS at a mean square of 1, the absolute gate, and how far below the mean the relative one lies."""
_SHELF = 1681.974450955533, 3.999843853973347, 0.7071752369554196, 0.4996667741545416
_HIGH_PASS = 38.13547087602444, 0.5003270373238773
"""BS.1770's filters, which it gives for 48 kHz, as libebur128 derives them for all rates: hertz, dB and quality."""
_BEHIND = frozenset({"BL", "BR", "BC", "SL", "SR", "WL", "WR", "TBL", "TBC", "TBR"})
_BEHIND_WEIGHT = 1.41


class LoudnessMeter:
    """Measures what is of the first samples' rate and channels."""

    def __init__(self) -> None:
        self._kind: tuple[int, Sequence[str]] | None = None
        self._held = self._states = np.empty(0, np.float32)
        self._energies: list[NDArray[np.float64]] = []

    def push(self, channels: NDArray[np.float32], rate: int, names: Sequence[str]) -> None:
        """Take samples (c, n) in [-1, 1] of a rate, and the channels' names as ffmpeg has them."""
        if self._kind is None:
            self._begin(rate, names)
        if self._kind != (rate, names):
            return
        held = np.concatenate((self._held, channels), axis=1)
        whole = held.shape[1] // self._hop * self._hop
        self._held = held[:, whole:]
        if whole:
            self._energies.append(self._filtered(held[:, :whole]))

    def _begin(self, rate: int, names: Sequence[str]) -> None:
        self._kind = rate, names
        self._weights = np.array([0 if n == "LFE" else _BEHIND_WEIGHT if n in _BEHIND else 1 for n in names])
        hop = max(1, round(rate / 10))
        block = max((size for size in _BLOCKS if hop % size == 0), default=_BLOCKS[0])
        self._hop, self._block = -(-hop // block) * block, block
        self._filter, self._carried, self._seen = _filters(rate, block)
        self._held = np.empty((len(names), 0), np.float32)
        self._states = np.zeros((len(names), len(self._seen) // 4, 4), np.float32)

    def finish(self) -> float | None:
        """Return the integrated loudness in LUFS, None for silence."""
        if self._kind is None:
            return None
        if (missing := _FEWEST - sum(map(len, self._energies))) > 0:
            self.push(np.zeros((len(self._weights), missing * self._hop), np.float32), *self._kind)
        blocks = sliding_window_view(np.concatenate(self._energies), _STEPS).mean(axis=1)
        loud = blocks[_lufs(blocks) > _SILENT]
        loud = loud[_lufs(loud) > _lufs(loud.mean()) - _RELATIVE] if len(loud) else loud
        return float(_lufs(loud.mean())) if len(loud) else None

    def _filtered(self, channels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the weighted mean squares of each 100 ms of whole ones (c, n)."""
        rows = channels.reshape(len(channels), -1, self._block) @ self._filter
        states = np.concatenate((self._states, rows[:, :, self._block :]), axis=1)
        before = len(self._seen) // 4
        self._states = states[:, -before:]
        past = sliding_window_view(states[:, :-1], before, axis=1).swapaxes(2, 3)
        rows = rows[:, :, : self._block] + past.reshape(*rows.shape[:2], -1) @ self._seen @ self._carried
        squares = np.einsum("cbs,cbs->cb", rows, rows).reshape(len(channels), -1, self._hop // self._block)
        mean: NDArray[np.float64] = self._weights @ (squares.sum(axis=2, dtype=np.float64) / self._hop)
        return mean


def _lufs(mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
    loudness: NDArray[np.float64] = _OFFSET + 10 * np.log10(np.maximum(mean_square, 1e-20))
    return loudness


@functools.lru_cache(maxsize=8)
def _filters(rate: int, block: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the filters of a rate as matrices: of a block's n samples to its output and what it adds to the state,
    (n, n + 4); of the state before it to its output, (4, n); and of what the b blocks before added to that state,
    (4 b, 4). Recursion sample by sample would be a loop."""
    step, add, see, through = _cascade(rate)
    powers = [np.eye(4)]
    count = int(np.ceil(_FADED_SECONDS * rate / block))
    for _ in range(count * block):
        powers.append(step @ powers[-1])
    response = np.array([through, *(see @ power @ add for power in powers[: block - 1])])
    lags = np.arange(block) - np.arange(block)[:, None]
    output = np.where(lags >= 0, response[np.maximum(lags, 0)], 0)
    added = np.array([powers[block - 1 - place] @ add for place in range(block)])
    carried = np.array([see @ power for power in powers[:block]]).T
    seen = np.concatenate([powers[block * place].T for place in reversed(range(count))])
    return np.hstack([output, added]).astype(np.float32), carried.astype(np.float32), seen.astype(np.float32)


def _cascade(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return both filters, one after the other, as a linear system: its step (4, 4), what a sample adds to the state
    and how the output sees it, (4,), and the sample's own part in the output."""
    hertz, decibels, quality, exponent = _SHELF
    # The shelf of a rate that ends below it is its highest.
    warped, high = np.tan(min(np.pi * hertz / rate, 1.5)), 10 ** (decibels / 20)
    middle, square, scale = high**exponent * warped / quality, warped**2, 1 + warped / quality + warped**2
    shelf = np.array([high + middle + square, 2 * (square - high), high - middle + square]) / scale
    shelf_back = np.array([2 * (square - 1), 1 - warped / quality + square]) / scale
    warped, quality = np.tan(min(np.pi * _HIGH_PASS[0] / rate, 1.5)), _HIGH_PASS[1]
    back = np.array([2 * (warped**2 - 1), 1 - warped / quality + warped**2]) / (1 + warped / quality + warped**2)
    first, second = shelf[1:] - shelf_back * shelf[0], np.array([-2.0, 1.0]) - back
    step = np.zeros((4, 4))
    step[:2, 0], step[0, 1] = -shelf_back, 1
    step[2:, 2], step[2, 3] = -back, 1
    step[2:, 0] = second
    add = np.concatenate([first, second * shelf[0]])
    return step, add, np.array([1.0, 0, 1, 0]), float(shelf[0])
