"""Finds a query's nearest clips by the index, and by the lists of neighbours where the catalogue has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.exact import RESCORE_MARGIN, Neighbours, rank
from recommender.catalogue.local.index import Index

Lists = NDArray[np.int32]
"""(n, k): of each item others that are near it, the nearest first; its own number where there are fewer."""


@dataclass(frozen=True, slots=True)
class Finder:
    """One catalogue's vectors and index, mapped. lists: None where there are none."""

    vectors: Vectors
    index: Index
    lists: Lists | None = None

    def nearest(self, query: Vectors, count: int, setting: Calibration) -> Neighbours:
        """Find about the `count` nearest items, ranked by exact similarity, ties by item; query: (d,), unit length;
        setting: how much is looked at."""
        found = self.index.candidates(query, max(count, *setting.hops, 0), setting.search_k)
        if self.lists is None or not setting.hops:
            return rank(self.vectors, query, found[:count])
        return self._first(query, count, *self._followed(query, found, setting.hops, self.lists))

    def _followed(self, query: Vectors, items: Items, hops: tuple[int, ...], lists: Lists) -> tuple[Items, Vectors]:
        """Compare what the best items list too, hop by hop; returns all items and their similarities."""
        similarities = np.einsum("ij,j->i", self.vectors[items], query)
        looked = np.zeros(len(items), np.bool_)
        for width in hops:
            waiting = np.flatnonzero(~looked)
            if len(waiting) > width:
                waiting = waiting[np.argpartition(-similarities[waiting], width - 1)[:width]]
            looked[waiting] = True
            new = np.setdiff1d(lists[items[waiting]], items)
            items = np.concatenate((items, new))
            similarities = np.concatenate((similarities, np.einsum("ij,j->i", self.vectors[new], query)))
            looked = np.concatenate((looked, np.zeros(len(new), np.bool_)))
        return items, similarities

    def _first(self, query: Vectors, count: int, items: Items, similarities: Vectors) -> Neighbours:
        if len(items) > count:
            last = np.partition(similarities, len(items) - count)[len(items) - count]
            items = items[similarities >= last - RESCORE_MARGIN]
        return rank(self.vectors, query, items).first(count)
