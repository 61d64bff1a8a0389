"""Search in a catalogue for one vector or several, whose results are merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.catalogue.base import TIE_DECIMALS, Catalogue, Vectors
from recommender.catalogue.filters import EVERYTHING, Filter


@dataclass(frozen=True, slots=True)
class Match:
    """A clip found. place: number of the query vector that it matched best."""

    item: int
    similarity: float
    place: int


def search(
    catalogue: Catalogue,
    queries: Sequence[Vectors] | Vectors,
    count: int,
    *,
    chosen: Filter = EVERYTHING,
    without: frozenset[str] = frozenset(),
    sure: int | None = None,
) -> list[Match]:
    """Find the clips most similar to any of some unit vectors, best first, ties by item, each source once.

    without: sources left out; sure: how many of the results must have the calibrated recall, where the others are good
    enough as they come.
    """
    best: dict[str, Match] = {}
    found = catalogue.nearest(queries, count, chosen=chosen, without=without, sure=sure)
    for place, hits in enumerate(found):
        for hit in hits:
            match = Match(hit.item, hit.similarity, place)
            if hit.source not in best or _order(match) < _order(best[hit.source]):
                best[hit.source] = match
    return sorted(best.values(), key=_order)[:count]


def _order(match: Match) -> tuple[float, int, int]:
    return -round(match.similarity, TIE_DECIMALS), match.item, match.place
