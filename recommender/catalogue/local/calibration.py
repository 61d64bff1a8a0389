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
from recommender.catalogue.local.finder import Finder
from recommender.catalogue.recall import measured, spread
from recommender.errors import BuildFailed
from recommender.terminal import bar_options

CALIBRATED_TOPS = {10: 1000, 30: 400, 100: 200, 1000: 50}
"""Numbers of results that `search_k` is measured for (a page, pages after it, what filters ask for, the most
allowed), each with its number of queries: over 1000, the standard error of a recall of 0.99 is 0.001, and so it is
for the longer lists, which average over more results."""
MOST_RESULTS = max(CALIBRATED_TOPS)
SMALLEST_SEARCH_K, SMALLEST_WITH_LISTS = 100, 1000
"""With lists fewer nodes would do for the catalogue's own clips, and lead queries that are like none of them astray."""
CLOSE_ENOUGH = 1.15
"""A calibration stops when the smallest setting that will do is known within this factor."""
FEWEST_LOOKED_UP = 16
NODES_FOR_A_LIST, HOPS = 40, 3
"""Nodes of the index that are looked at for each list of neighbours that is looked up at each of so many hops: of the
ways to reach a recall of ten, thirty or a hundred results, the cheapest or within a few per cent of it for all three
(500,000 and 2.08 million clips, 20 trees, 200 and 300 queries; two hops of twice as many lists take a tenth more)."""
PARTS_PER_CORE = 4
"""So that no core waits long for the slowest part."""


def calibrate(
    finder: Finder, searchable: Items, withheld: Items, target: float, progress: bool, most: int = MOST_RESULTS
) -> tuple[Calibration, ...]:
    """Find, for each number of results up to `most`, the smallest setting that reaches the target recall.

    The queries are the catalogue's own vectors, spread evenly, each without itself; where there are lists of
    neighbours, those of `withheld`, which stand in none: the others would find themselves at home. A found clip counts
    where it is as similar as the last exact one, so that clips that are alike count for one another. Raises
    `BuildFailed`.
    """
    vectors = finder.vectors
    silent = np.setdiff1d(np.arange(len(vectors)), searchable)
    asked = searchable if finder.lists is None else withheld
    tops = {top: count for top, count in CALIBRATED_TOPS.items() if top <= most and top < len(searchable)}
    tops = tops or {max(1, len(searchable) - 1): len(searchable)}
    search_k = SMALLEST_SEARCH_K if finder.lists is None else SMALLEST_WITH_LISTS
    found: list[Calibration] = []
    for top, count in tqdm(tops.items(), desc="calibration", **bar_options(progress)):
        sample = spread(asked, count)
        wanted = best_similarities(vectors, vectors[sample], sample, top, silent)[:, -1]
        trial = _Trial(finder, sample, wanted, top)
        found.append(_smallest(trial, target, search_k, may_scan=bool(found)))
        search_k = found[-1].search_k
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A sample of items, and the similarity of the last of the `top` exact results of each."""

    finder: Finder
    sample: Items
    wanted: Vectors
    top: int

    def measure(self, search_k: int, target: float) -> tuple[Calibration, bool]:
        hops = hops_for(search_k) if self.finder.lists is not None else ()
        setting = Calibration(self.top + 1, search_k, 0.0, 0, hops)
        # Annoy lets go of the interpreter while it searches. In parts: a task costs more than a query of a small index.
        cores = os.cpu_count() or 1
        parts = np.array_split(np.arange(len(self.sample)), PARTS_PER_CORE * cores)
        with ThreadPoolExecutor(cores) as pool:
            recalls = np.concatenate(list(pool.map(partial(self._recalls, setting), parts)))
        return measured(self.top, search_k, recalls, target, hops)

    def _recalls(self, setting: Calibration, places: Items) -> Vectors:
        return np.array([self._recall(setting, self.sample[place], self.wanted[place]) for place in places])

    def _recall(self, setting: Calibration, item: int, wanted: np.float32) -> float:
        if wanted == -np.inf:
            # A catalogue of one clip: there is nothing to find.
            return 1.0
        found = self.finder.nearest(self.finder.vectors[item], self.top + 1, setting)
        others = found.without(np.array([item])).first(self.top)
        return float((others.similarities >= wanted - RESCORE_MARGIN).sum()) / self.top


def hops_for(search_k: int) -> tuple[int, ...]:
    """Return of how many clips the lists are looked up, hop by hop, beside so many nodes of the index."""
    return (max(search_k // NODES_FOR_A_LIST, FEWEST_LOOKED_UP),) * HOPS


def _smallest(trial: _Trial, target: float, search_k: int, may_scan: bool) -> Calibration:
    """Double `search_k` until it reaches the target, then halve the gap to the setting that did not.

    may_scan: once as many nodes are asked for as there are clips, the search will scan them all instead, and is exact.
    """
    clips = len(trial.finder.vectors)
    limit = trial.finder.index.trees * clips
    missed = 0
    while True:
        if may_scan and search_k >= clips:
            return Calibration(trial.top, clips, 1.0, len(trial.sample))
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
