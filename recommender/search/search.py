"""Search in a catalogue: filters that are exact, a source shown once, several windows merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.local.calibration import search_k_for
from recommender.catalogue.local.catalogue import Catalogue
from recommender.catalogue.local.exact import TIE_DECIMALS, Items, Neighbours, Vectors, nearest
from recommender.library.additions import Added

SCAN_VALUES = 5_000_000
"""Comparing this much (39,000 vectors of 128 dimensions) takes a millisecond or two, as the index does, exactly."""
SLACK = 1.5
"""How many more clips than expected are asked for where a filter lets only some through."""
WIDENING = 4


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clips may be shown: those with any label of `only`, where there is one, and none of `without`."""

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def admits(self, labels: Sequence[str]) -> bool:
        """Say whether a clip with these labels may be shown."""
        return (not self.only or not set(self.only).isdisjoint(labels)) and set(self.without).isdisjoint(labels)

    def allowed(self, catalogue: Catalogue) -> NDArray[np.bool_] | None:
        """Return one truth value per item; None where all are allowed."""
        if not self.only and not self.without:
            return None
        mask = np.full(len(catalogue), not self.only)
        for name in self.only:
            mask[catalogue.table.items_with(name)] = True
        for name in self.without:
            mask[catalogue.table.items_with(name)] = False
        return mask


@dataclass(frozen=True, slots=True)
class Match:
    """A clip found. place: number of the query vector that it matched best."""

    item: int
    similarity: float
    place: int


def search(
    catalogue: Catalogue,
    queries: Sequence[Vectors],
    count: int,
    *,
    own: Items,
    own_sources: frozenset[str],
    chosen: Filter,
    sure: int | None = None,
) -> list[Match]:
    """Find the clips most similar to any of some unit vectors, best first, ties by item, each source once.

    own: items left out, with all clips of `own_sources`; sure: how many of the results must have the calibrated recall,
    where the others are good enough as they come.
    """
    sure = count if sure is None else min(sure, count)
    allowed = chosen.allowed(catalogue)
    best: dict[str, Match] = {}
    for source, match in _beside(catalogue.added, queries, own_sources, chosen):
        if source not in best or _order(match) < _order(best[source]):
            best[source] = match
    for place, query in enumerate(queries):
        for source, item, similarity in _distinct(catalogue, query, count, sure, own, own_sources, allowed):
            match = Match(item, similarity, place)
            if source not in best or _order(match) < _order(best[source]):
                best[source] = match
    return sorted(best.values(), key=_order)[:count]


def _beside(
    added: Added, queries: Sequence[Vectors], own_sources: frozenset[str], chosen: Filter
) -> Iterator[tuple[str, Match]]:
    """Compare with every clip that was added since the catalogue was built; returns source and match."""
    for clip, vector in zip(added.clips, added.vectors, strict=True):
        if clip.source not in own_sources and chosen.admits(clip.labels):
            for place, query in enumerate(queries):
                yield clip.source, Match(clip.item, float((vector.astype(np.float64) * query).sum()), place)


def _order(match: Match) -> tuple[float, int, int]:
    return -round(match.similarity, TIE_DECIMALS), match.item, match.place


def _distinct(
    catalogue: Catalogue,
    query: Vectors,
    count: int,
    sure: int,
    own: Items,
    own_sources: frozenset[str],
    allowed: NDArray[np.bool_] | None,
) -> list[tuple[str, int, float]]:
    """Return source, item and similarity of the nearest clips of `count` sources, widening until there are enough."""
    most = len(catalogue) if allowed is None else int(allowed.sum())
    asked = min(count + len(own), most)
    # What is known to be left out needs no recall of its own.
    spare = count - sure + len(own)
    while True:
        found = _near(catalogue, query, asked, max(asked - spare, 1), most, allowed).without(own)
        sources = catalogue.table.sources(found.items.tolist())
        first: dict[str, tuple[str, int, float]] = {}
        for source, item, similarity in zip(sources, found.items.tolist(), found.similarities.tolist(), strict=True):
            if source not in own_sources:
                first.setdefault(source, (source, item, similarity))
        if len(first) >= count or asked >= most:
            return list(first.values())[:count]
        asked, spare = min(asked * WIDENING, most), 0


def _near(
    catalogue: Catalogue, query: Vectors, count: int, sure: int, most: int, allowed: NDArray[np.bool_] | None
) -> Neighbours:
    """Find the nearest allowed clips: by the index, or by scanning them where that is as fast."""
    if count <= 0 or not most:
        return Neighbours(np.empty(0, np.int64), np.empty(0))
    total = len(catalogue)
    wide, surely = (n if most == total else int(n * SLACK * total / most) + 1 for n in (count, sure))
    manifest = catalogue.manifest
    nodes = search_k_for(manifest.calibration, surely)
    if most <= max(SCAN_VALUES // manifest.dimension, nodes) or wide >= total:
        among = None if allowed is None else np.flatnonzero(allowed)
        return nearest(catalogue.vectors, query, count, among, catalogue.table.unsearchable)
    found = catalogue.index.nearest(catalogue.vectors, query, wide, nodes)
    if allowed is not None:
        keep = allowed[found.items]
        found = Neighbours(found.items[keep], found.similarities[keep])
    return found.first(count)


def union(items: Sequence[Items]) -> Items:
    """Put lists of items together, ascending, each once."""
    return reduce(np.union1d, items, np.empty(0, np.int64)).astype(np.int64)
