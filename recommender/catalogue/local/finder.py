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


WIDER = 12
"""Where a filter lets only some through, so many more are taken from the index: it has compared them anyway."""
LEAST_LOOKED_UP = 100
"""Lists that are looked up at a hop among the allowed, where fewer results are wanted."""
RARE, MORE = 0.9, 4
"""Where of what the index finds a smaller part is allowed than of all clips by this, that many times more is found."""
ELSEWHERE = 0.1
"""Where by this, those that are allowed lie elsewhere, and neither index nor lists lead there."""
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

    def nearest_of(
        self, query: Vectors, count: int, setting: Calibration, allowed: NDArray[np.bool_]
    ) -> Neighbours | None:
        """Find about the `count` nearest of the allowed items, by the lists; None where these are rare near the query,
        so that they are better compared one by one.

        allowed: one truth value per item. The lists of the best allowed are looked up until those of the best `count`
        all have been, so that what is found does not hang on how the allowed are spread; fewer than `count` where the
        lists lead no further.
        """
        assert self.lists is not None  # noqa: S101 - who asks has looked
        share, listed = max(int(allowed.sum()), 1) / len(allowed), max(count, LEAST_LOOKED_UP)
        wide, nodes = int(max(count, *setting.hops, 0) * WIDER / share), int(setting.search_k / share)
        found = self.index.candidates(query, wide, nodes)
        there = allowed[found].mean() / share
        if there < ELSEWHERE:
            return None
        if there < RARE:
            found, listed = self.index.candidates(query, MORE * wide, MORE * nodes), MORE * listed
        seen = _Seen(self.vectors, self.lists, query, found)
        for width in setting.hops:
            seen.look_up(seen.best(width, ~seen.looked))
        for _ in range(MOST_HOPS):
            best = seen.best(listed, allowed[seen.items])
            waiting = best[~seen.looked[best]]
            if not len(waiting):
                break
            seen.look_up(waiting)
        return rank(self.vectors, query, seen.items[seen.best(count + TIES, allowed[seen.items])]).first(count)


class _Seen:
    """The items that were compared with a query. looked: those whose lists were looked up."""

    def __init__(self, vectors: Vectors, lists: Lists, query: Vectors, items: Items) -> None:
        self._vectors, self._lists, self._query = vectors, lists, query
        self.items = items
        self._known = np.zeros(len(vectors), np.bool_)
        self._known[items] = True
        self.similarities = np.einsum("ij,j->i", vectors[items], query)
        self.looked = np.zeros(len(items), np.bool_)

    def best(self, count: int, among: NDArray[np.bool_] | None) -> Items:
        """Return the places of the `count` most similar items, in any order."""
        places = np.arange(len(self.items)) if among is None else np.flatnonzero(among)
        if len(places) <= count:
            return places
        return places[np.argpartition(-self.similarities[places], count - 1)[:count]]

    def look_up(self, places: Items) -> None:
        """Compare what these items list too."""
        self.looked[places] = True
        listed = self._lists.take(self.items[places], 0).ravel()
        new = np.sort(listed[~self._known[listed]])
        # numpy's own set operations take several times as long.
        new = new[np.diff(new, prepend=-1) > 0]
        self._known[new] = True
        self.items = np.concatenate((self.items, new))
        similarities = np.einsum("ij,j->i", self._vectors[new], self._query)
        self.similarities = np.concatenate((self.similarities, similarities))
        self.looked = np.concatenate((self.looked, np.zeros(len(new), np.bool_)))
