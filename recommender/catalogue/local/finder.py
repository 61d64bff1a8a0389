"""Finds a query's nearest clips by the index, and by the lists of neighbours where the catalogue has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.exact import Neighbours, rank
from recommender.catalogue.local.index import Index

Lists = NDArray[np.int32]
"""(n, k): of each item others that are near it, the nearest first; its own number where there are fewer."""
Numbers = Items | NDArray[np.int32]


NODES, WIDER = 2, 4
"""Where a filter lets only a part through, so many times the nodes of the index for each part, and of what they hold so
many times the lists that are looked up at a hop: what is allowed may lie off the way, and needs more starts."""
NODES_UP_TO = 500_000
"""Of more clips as many more nodes as the root of how many times more: of 2.08 million with a label of 29 %, .985 of
the ten nearest are found instead of .976, and .990 instead of .984 with `not Speech` (80 queries)."""
LEAST_LOOKED_UP = 125
"""Lists that are looked up at a hop among the allowed, for each part, where fewer results are wanted."""
MOST_HOPS = 12
TIES = 16
"""Items beyond the results that are ranked in float64 with them: float32 may have mistaken their order."""


@dataclass(frozen=True, slots=True)
class Finder:
    """One catalogue's vectors and index, mapped. lists: None where there are none."""

    vectors: Vectors
    index: Index
    lists: Lists | None = None

    def nearest(self, query: Vectors, count: int, setting: Calibration) -> Neighbours:
        """Find about the `count` nearest items, ranked by exact similarity, ties by item.

        query: (d,), unit length; setting: how much is looked at.
        """
        found = self.index.candidates(query, max(count, *setting.hops, 0), setting.search_k)
        if self.lists is None or not setting.hops:
            return rank(self.vectors, query, found).first(count)
        seen = _Seen(self.vectors, self.lists, query, found)
        for width in setting.hops:
            seen.look_up(seen.best(width, ~seen.looked))
        return rank(self.vectors, query, seen.items[seen.best(count + TIES, None)]).first(count)

    def nodes_for(self, setting: Calibration, share: float) -> int:
        """Return how many nodes of the index are looked at where a filter lets a share of the items through."""
        return int(NODES * max(1.0, len(self.vectors) / NODES_UP_TO) ** 0.5 * setting.search_k / share)

    def nearest_of(
        self, query: Vectors, count: int, setting: Calibration, allowed: NDArray[np.bool_]
    ) -> Neighbours | None:
        """Find about the `count` nearest of the allowed items, by the lists; None where hardly any are near the query,
        and are better compared one by one.

        allowed: one truth value per item. Only allowed items are compared; the lists of others lead on to them (as in
        ACORN, arXiv:2403.04871). The lists of the best are looked up until those of all of them have been, so that what
        is found does not hang on how the allowed are spread; fewer than `count` where the lists lead no further.
        """
        assert self.lists is not None  # noqa: S101 - who asks has looked
        share = max(int(np.count_nonzero(allowed)), 1) / len(allowed)
        listed = int(max(count, *setting.hops, LEAST_LOOKED_UP) / share)
        found = self.index.candidates(query, WIDER * listed, self.nodes_for(setting, share))
        seen = _Seen(self.vectors, self.lists, query, found, allowed)
        seen.pass_through(found)
        if len(seen.items) < count + TIES:
            return None
        for _ in range(MOST_HOPS):
            best = seen.best(listed, None)
            waiting = best[~seen.looked[best]]
            if not len(waiting):
                break
            seen.look_up(waiting)
        return rank(self.vectors, query, seen.items[seen.best(count + TIES, None)]).first(count)


class _Seen:
    """The items that were compared with a query. looked: those whose lists were looked up."""

    def __init__(
        self, vectors: Vectors, lists: Lists, query: Vectors, items: Items, allowed: NDArray[np.bool_] | None = None
    ) -> None:
        self._vectors, self._lists, self._query = vectors, lists, query
        self._new = np.ones(len(vectors), np.bool_) if allowed is None else allowed.copy()
        self._between = None if allowed is None else ~allowed
        self.items = np.empty(0, np.int64)
        self.similarities = np.empty(0, np.float32)
        self.looked = np.empty(0, np.bool_)
        self._compare(items)

    def best(self, count: int, among: NDArray[np.bool_] | None) -> Items:
        """Return the places of the `count` most similar items, in any order."""
        places = np.arange(len(self.items)) if among is None else np.flatnonzero(among)
        if len(places) <= count:
            return places
        return places[np.argpartition(-self.similarities[places], count - 1)[:count]]

    def look_up(self, places: Items) -> None:
        """Compare what these items list too, and what is listed by those of it that are not allowed."""
        self.looked[places] = True
        listed = self._lists.take(self.items[places], 0).ravel()
        self._compare(listed)
        self.pass_through(listed)

    def pass_through(self, items: Numbers) -> None:
        """Compare what is listed by those of the items that are not allowed."""
        if self._between is not None:
            between = _once(items, self._between)
            self._compare(self._lists.take(between, 0).ravel())

    def _compare(self, items: Numbers) -> None:
        new = _once(items, self._new)
        self.items = np.concatenate((self.items, new))
        similarities = np.einsum("ij,j->i", self._vectors[new], self._query)
        self.similarities = np.concatenate((self.similarities, similarities))
        self.looked = np.concatenate((self.looked, np.zeros(len(new), np.bool_)))


def _once(items: Numbers, waiting: NDArray[np.bool_]) -> Items:
    """Return those of the items that wait, each once and ascending; they wait no longer."""
    new: Items = np.sort(items[waiting[items]]).astype(np.int64)
    # numpy's own set operations take several times as long.
    new = new[np.diff(new, prepend=-1) > 0]
    waiting[new] = False
    return new
