"""How deep the index has to look, with filters of several selectivities, measured against exact search while a
catalogue is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.exact import RESCORE_MARGIN, Rows, best_similarities
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.recall import POOR, measured, spread
from recommender.catalogue.remote.facts import Band
from recommender.catalogue.remote.searching import Ranked, Searcher
from recommender.errors import BuildFailed
from recommender.terminal import bar_options

TOPS = {10: 200, 40: 50}
"""Numbers of results that are measured, each with its number of queries."""
SHARES = (0.3, 0.1, 0.03, 0.01)
NEAR_ENOUGH = 2.0
"""A label stands for a share where it has at most so many times more or fewer clips."""
SMALLEST_DEPTH = 40
STEP = 1.5
TOGETHER = 25
"""Queries of one call."""
MOST_DEPTH = 10_000
"""Beyond, an answer takes a second; with a filter, what was reached is kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """The catalogue that is loaded: vectors, items without one and with one, and the items of each label."""

    vectors: Rows
    silent: Items
    searchable: Items
    labelled: Mapping[str, Items]


def calibrate(searcher: Searcher, source: Source, target: float, progress: bool) -> tuple[Band, ...]:
    """Measure each band of selectivity that the catalogue has a label for; raises `BuildFailed`.

    The queries are the catalogue's own vectors, each without itself. target: the share of the exact results that must
    be found; progress: whether a bar is shown.
    """
    clips = len(source.vectors)
    searchable = source.searchable
    tops = {top: count for top, count in TOPS.items() if top < len(searchable)} or {max(1, len(searchable) - 1): 10}
    bands = []
    plain, own = replace(searcher, by_label=False), searcher.facts.own
    chosen = [(plain, 1.0, EVERYTHING), *((plain, *each) for each in _chosen(searcher, source, clips))]
    sizes = {label: len(source.labelled[label]) / clips for label in own}
    for label in dict.fromkeys(_nearest(sizes, share) for share in SHARES if own):
        chosen.append((searcher, sizes[label], Filter(only=((label,),))))
    for asked, share, filter_ in tqdm(chosen, desc="calibration", **bar_options(progress)):
        of_label, rest = asked.own(filter_)
        depth, found = SMALLEST_DEPTH, []
        allowed = source.labelled[filter_.only[0][0]] if filter_ else None
        for top, count in tops.items():
            if allowed is not None and len(allowed) <= top:
                continue
            trial = _Trial(asked, filter_, top, *_truth(source, spread(searchable, count), top, allowed))
            # So many are looked at before a filter lets enough through.
            found.append(trial.smallest(target, max(depth, int(top / asked.share(rest)))))
            depth = found[-1].search_k
        bands.append(Band(share, tuple(found), of_label))
    return tuple(bands)


def _chosen(searcher: Searcher, source: Source, clips: int) -> Iterator[tuple[float, Filter]]:
    """Return, for each share, a label that has about so many clips, where the index is asked for so many at all."""
    sizes = {label: len(items) / clips for label, items in source.labelled.items() if len(items)}
    for share in SHARES if sizes else ():
        near = _nearest(sizes, share)
        if sizes[near] * clips > searcher.scanned and 1 / NEAR_ENOUGH <= sizes[near] / share <= NEAR_ENOUGH:
            yield sizes[near], Filter(only=((near,),))


def _nearest(sizes: Mapping[str, float], share: float) -> str:
    """Return the label that stands for a share. sizes: the shares of labels."""
    return min(sizes, key=lambda label: abs(float(np.log(sizes[label] / share))))


def _truth(source: Source, sample: Items, top: int, allowed: Items | None) -> tuple[Items, Vectors, Vectors]:
    """Return the queries' items and vectors, and the similarity of the last exact result of each."""
    queries = source.vectors[sample]
    if allowed is None:
        best = best_similarities(source.vectors, queries, sample, top, source.silent)
    else:
        places = np.minimum(np.searchsorted(allowed, sample), len(allowed) - 1)
        own = np.where(allowed[places] == sample, places, -1)
        best = best_similarities(_Some(source.vectors, allowed), queries, own, top)
    return sample, queries, best[:, -1]


@dataclass(frozen=True, slots=True)
class _Some:
    """Some rows of others, as exact search reads them."""

    rows: Rows
    items: Items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: slice | Items) -> Vectors:
        return self.rows[self.items[key]]


@dataclass(frozen=True, slots=True)
class _Trial:
    searcher: Searcher
    chosen: Filter
    top: int
    sample: Items
    queries: Vectors
    last: Vectors

    def smallest(self, target: float, depth: int) -> Calibration:
        """Return the first depth that reaches the target, or with a filter the deepest; raises `BuildFailed`."""
        while True:
            best, reached = self._measure(depth, target)
            if reached or (self.chosen and depth >= MOST_DEPTH):
                return best
            if depth >= min(MOST_DEPTH, self.searcher.facts.clips):
                raise BuildFailed(
                    f"The index finds {best.recall:.4g} of the {self.top} nearest clips at most, where {target:.4g} "
                    f"are wanted with a margin, and for {best.poor:.1%} of the queries less than {POOR:.0%}, which "
                    f"{1 - target:.1%} may have: build with a lower --target-recall."
                )
            depth = min(int(depth * STEP) + 1, MOST_DEPTH, self.searcher.facts.clips)

    def _measure(self, depth: int, target: float) -> tuple[Calibration, bool]:
        recalls = []
        found: list[Ranked] = []
        for first in range(0, len(self.queries), TOGETHER):
            some = list(self.queries[first : first + TOGETHER])
            found += self.searcher.near(some, self.top + 1, self.top, chosen=self.chosen, without=(), depth=depth)
        for item, near, last in zip(self.sample.tolist(), found, self.last, strict=True):
            others = [hit for hit in near.hits[: self.top + 1] if hit.item != item][: self.top]
            recalls.append(sum(hit.similarity >= last - RESCORE_MARGIN for hit in others) / self.top)
        return measured(self.top, depth, recalls, target)
