"""A way through sounds: clips that lead from one to another in small, even steps.

Candidates are the nearest clips of points on the arc between both ends. The way is the shortest path through them for
its number of steps, each clip farther along the arc than the one before, where a step costs a high power of its angle:
so that the widest step is about as small as can be, and all are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Catalogue, Hit, Vectors
from recommender.catalogue.filters import Filter
from recommender.clips import Clip

POINTS = 5
"""Points of the arc, its ends among them."""
CANDIDATES = 100
"""Clips of each point: with 200 the narrowest step is .02 more alike, and the way takes twice as long."""
POWER = 16
"""Of a step's angle: the narrowest step is .11 more alike than with 2, the angles vary half as much."""
SMALLEST_ANGLE = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class End:
    """Where a way begins or ends: a unit vector (d,), and the clip whose it is, None where it is no clip's."""

    vector: Vectors
    clip: Clip | None = None


def between(
    catalogue: Catalogue, start: End, end: End, count: int, chosen: Filter, unwanted: frozenset[str] = frozenset()
) -> list[int]:
    """Return the items of at most `count` clips between two ends, each of a source of its own, in order. Fewer where
    there are fewer, or where only fewer make every step more alike than the ends are."""
    first, last = start.vector.astype(np.float64), end.vector.astype(np.float64)
    direct = float(first @ last)
    across = last - direct * first
    width = float(np.linalg.norm(across))
    if width < SMALLEST_ANGLE:
        return []
    across /= width
    angle = float(np.arctan2(width, direct))
    turns = np.linspace(0, angle, POINTS)
    points = (np.outer(np.cos(turns), first) + np.outer(np.sin(turns), across)).astype(np.float32)
    sources = unwanted.union(each.clip.source for each in (start, end) if each.clip is not None)
    nearest: dict[str, Hit] = {}
    for hits in catalogue.nearest(points, max(CANDIDATES, 2 * count), chosen=chosen, without=sources):
        for hit in hits:
            if hit.source not in nearest or hit.similarity > nearest[hit.source].similarity:
                nearest[hit.source] = hit
    items = np.array([hit.item for hit in nearest.values()], np.int64)
    vectors = catalogue.vectors_of(items).astype(np.float64)
    places = np.arctan2(vectors @ across, vectors @ first)
    order = np.lexsort((items, places))
    order = order[(places[order] > 0) & (places[order] < angle)]
    path = _path(np.vstack((first, vectors[order], last)), count + 1, direct)
    return [int(items[order[place - 1]]) for place in path]


def _path(vectors: Floats, steps: int, direct: float) -> list[int]:
    """Return the places between the first and the last vector (n, d) of the path of at most so many steps, which goes
    by rising places. direct: the similarity that each step has to surpass, if need be on a path of fewer steps."""
    alike = np.clip(vectors @ vectors.T, -1, 1)
    costs = np.arccos(alike) ** POWER
    costs[np.tril_indices(len(costs))] = np.inf
    cost = costs[0]
    before: list[NDArray[np.int64]] = []
    longest: list[int] = []
    for _ in range(1, min(steps, len(vectors) - 1)):
        total = cost[:, None] + costs
        before.append(total.argmin(axis=0))
        cost = total.min(axis=0)
        path = [len(vectors) - 1]
        for back in reversed(before):
            path.append(int(back[path[-1]]))
        path.reverse()
        if not longest or alike[[0, *path[:-1]], path].min() > direct:
            longest = path[:-1]
    return longest
