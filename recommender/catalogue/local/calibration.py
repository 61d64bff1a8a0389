"""How much of the index has to be looked at, measured against exact search when a catalogue is built."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm import tqdm

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.exact import RESCORE_MARGIN, best_similarities
from recommender.catalogue.local.index import Index
from recommender.catalogue.recall import measured, spread
from recommender.errors import BuildFailed
from recommender.terminal import bar_options

CALIBRATED_TOPS = {10: 1000, 30: 400, 100: 200, 1000: 50}
"""Numbers of results that `search_k` is measured for (a page, pages after it, what filters ask for, the most
allowed), each with its number of queries: over 1000, the standard error of a recall of 0.99 is 0.001, and so it is
for the longer lists, which average over more results."""
SMALLEST_SEARCH_K = 100
CLOSE_ENOUGH = 1.15
"""A calibration stops when the smallest setting that will do is known within this factor."""
PARTS_PER_CORE = 4
"""So that no core waits long for the slowest part."""


def calibrate(
    index: Index, vectors: Vectors, searchable: Items, target: float, progress: bool
) -> tuple[Calibration, ...]:
    """Find, for each number of results, the smallest `search_k` that reaches the target recall against exact search.

    The queries are the catalogue's own vectors, spread evenly, each without itself. A found clip counts where it is as
    similar as the last exact one, so that clips that are alike count for one another. Raises `BuildFailed`.
    """
    silent = np.setdiff1d(np.arange(len(vectors)), searchable)
    tops = {top: count for top, count in CALIBRATED_TOPS.items() if top < len(searchable)}
    tops = tops or {max(1, len(searchable) - 1): len(searchable)}
    search_k = SMALLEST_SEARCH_K
    found: list[Calibration] = []
    for top, count in tqdm(tops.items(), desc="calibration", **bar_options(progress)):
        sample = spread(searchable, count)
        wanted = best_similarities(vectors, vectors[sample], sample, top, silent)[:, -1]
        trial = _Trial(index, vectors, sample, wanted, top)
        found.append(_smallest(trial, target, search_k, may_scan=bool(found)))
        search_k = found[-1].search_k
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A sample of items, and the similarity of the last of the `top` exact results of each."""

    index: Index
    vectors: Vectors
    sample: Items
    wanted: Vectors
    top: int

    def measure(self, search_k: int, target: float) -> tuple[Calibration, bool]:
        # Annoy lets go of the interpreter while it searches. In parts: a task costs more than a query of a small index.
        cores = os.cpu_count() or 1
        parts = np.array_split(np.arange(len(self.sample)), PARTS_PER_CORE * cores)
        with ThreadPoolExecutor(cores) as pool:
            recalls = np.concatenate(list(pool.map(partial(self._recalls, search_k), parts)))
        return measured(self.top, search_k, recalls, target)

    def _recalls(self, search_k: int, places: Items) -> Vectors:
        return np.array([self._recall(search_k, self.sample[place], self.wanted[place]) for place in places])

    def _recall(self, search_k: int, item: int, wanted: np.float32) -> float:
        if wanted == -np.inf:
            # A catalogue of one clip: there is nothing to find.
            return 1.0
        found = self.index.candidates(self.vectors[item], self.top + 1, search_k)
        others = found[found != item][: self.top]
        similarities = self.vectors[others] @ self.vectors[item]
        return float((similarities >= wanted - RESCORE_MARGIN).sum()) / self.top


def _smallest(trial: _Trial, target: float, search_k: int, may_scan: bool) -> Calibration:
    """Double `search_k` until it reaches the target, then halve the gap to the setting that did not.

    may_scan: once as many nodes are asked for as there are clips, the search will scan them all instead, and is exact.
    """
    limit = trial.index.trees * len(trial.vectors)
    missed = 0
    while True:
        if may_scan and search_k >= len(trial.vectors):
            return Calibration(trial.top, len(trial.vectors), 1.0, len(trial.sample))
        best, reached = trial.measure(min(search_k, limit), target)
        if reached:
            break
        if search_k >= limit:
            raise BuildFailed(
                f"No setting of the index finds {target:.4g} of the {trial.top} nearest clips; the most is "
                f"{best.recall:.4g}. Build with more --trees or a lower --target-recall."
            )
        missed, search_k = search_k, search_k * 2
    while missed and best.search_k > missed * CLOSE_ENOUGH:
        between = int((missed * best.search_k) ** 0.5)
        trying, reached = trial.measure(between, target)
        if reached:
            best = trying
        else:
            missed = between
    return best
