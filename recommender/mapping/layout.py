"""Where clips stand on a map: each near those that it is most like."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from recommender.terminal import bar_options

NEIGHBOURS = 10
"""How many of its nearest clips draw each one."""
EPOCHS = 300
DRAWN = 5
"""Clips drawn by lot that each one is pushed away from in an epoch."""
PUSH = 2.0
"""Of 1, 2, 4 and 8 the one that keeps the most neighbours, on AudioSet and on ESC-10."""
LONGEST_STEP = 4.0
START_SPREAD = 3.0
_ROWS = 1024

Points = NDArray[np.float64]


def layout(vectors: NDArray[np.float32], *, progress: bool = False) -> Points:
    """Return a place for each of these unit vectors (n, d): float64 (n, 2), the same for the same vectors.

    Begins with the two principal components; then each clip is drawn to its ten nearest and pushed away from clips
    drawn by lot, by the gradients of UMAP (McInnes, Healy, Melville 2018, section 3.2) with a = b = 1, for all clips
    at once.
    """
    count = len(vectors)
    points = _principal(vectors)
    if count < 3:
        return points
    near = nearest_rows(vectors, min(NEIGHBOURS, count - 1))
    ones, others = np.repeat(np.arange(count), near.shape[1]), near.ravel()
    pushed = np.tile(np.arange(count), DRAWN)
    random = np.random.default_rng(0)

    def summed(rows: NDArray[Any], steps: Points) -> Points:
        return np.stack([np.bincount(rows, steps[:, axis], count) for axis in (0, 1)], axis=1)

    for epoch in tqdm(range(EPOCHS), desc="layout", unit="epoch", **bar_options(progress)):
        apart = points[ones] - points[others]
        draw = _short(-2 * apart / (1 + _squared(apart)))
        steps = (summed(ones, draw) - summed(others, draw)) / near.shape[1]
        apart = points[pushed] - points[random.integers(0, count, len(pushed))]
        squared = _squared(apart)
        steps += PUSH * summed(pushed, _short(2 * apart / ((0.01 + squared) * (1 + squared))))
        points = points + (1 - epoch / EPOCHS) * steps
    return points


def nearest_rows(vectors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return for each of these unit vectors (n, d) the rows of the `count` others nearest to it: (n, count), in no
    order."""
    found = np.empty((len(vectors), count), np.int64)
    for first in range(0, len(vectors), _ROWS):
        alike = vectors[first : first + _ROWS] @ vectors.T
        rows = np.arange(len(alike))
        alike[rows, first + rows] = -np.inf
        found[first : first + len(alike)] = np.argpartition(-alike, count - 1, axis=1)[:, :count]
    return found


def _principal(vectors: NDArray[np.float32]) -> Points:
    if not len(vectors):
        return np.empty((0, 2))
    wide = vectors.astype(np.float64)
    wide -= wide.mean(axis=0)
    _, directions = np.linalg.eigh(wide.T @ wide)
    points: Points = wide @ directions[:, :-3:-1]
    return points * (START_SPREAD / max(float(points.std()), 1e-9))


def _squared(steps: Points) -> Points:
    squared: Points = (steps**2).sum(axis=1, keepdims=True)
    return squared


def _short(steps: Points) -> Points:
    return np.asarray(np.clip(steps, -LONGEST_STEP, LONGEST_STEP))
