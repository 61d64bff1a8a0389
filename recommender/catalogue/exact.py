"""Exact search over the mapped clip vectors: for filters, and as the truth that the index is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import TIE_DECIMALS, Catalogue, Items, Vectors

CHUNK_ROWS = 16_384
"""Rows compared at a time: 8 MB at 128 dimensions, so that a scan of millions takes no memory to speak of."""
RESCORE_MARGIN = 1e-5
"""float32 dot products of unit vectors err by less; whatever is that close to the last place is compared in float64."""


class Rows(Protocol):
    """Vectors (n, d) that are read block by block or by item: an array, or what stands for one."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: slice | Items) -> Vectors: ...


class RowsOf:
    """A catalogue's vectors as exact search reads them: block by block, and by item."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __len__(self) -> int:
        return len(self._catalogue)

    def __getitem__(self, key: slice | Items) -> Vectors:
        return self._catalogue.vectors_of(range(len(self))[key] if isinstance(key, slice) else key)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Items and their cosines, best first; equal ones in the order of items."""

    items: Items
    similarities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.items)

    def first(self, count: int) -> Neighbours:
        """Return the best `count`."""
        return Neighbours(self.items[:count], self.similarities[:count])

    def without(self, items: Items) -> Neighbours:
        """Leave out these items."""
        keep = ~np.isin(self.items, items)
        return Neighbours(self.items[keep], self.similarities[keep])


def rank(vectors: Rows, query: Vectors, items: Items) -> Neighbours:
    """Order items by their cosine with a unit query, computed in float64; ties by item."""
    rows = np.asarray(vectors[items], np.float64)
    # A product summed row by row has the same bits for the same row wherever it stands; a matrix product does not.
    similarities = (rows * query.astype(np.float64)).sum(axis=1)
    order = np.lexsort((items, -np.round(similarities, TIE_DECIMALS)))
    return Neighbours(items[order], similarities[order])


def nearest(
    vectors: Rows, query: Vectors, count: int, among: Items | None = None, silent: Items | None = None
) -> Neighbours:
    """Find the `count` nearest rows by scanning all of them, or those in `among`; `silent` rows have no vector."""
    total = len(vectors) if among is None else len(among)
    similarities = np.empty(total, np.float32)
    for first in range(0, total, CHUNK_ROWS):
        chunk = slice(first, min(first + CHUNK_ROWS, total))
        rows = vectors[chunk] if among is None else vectors[among[chunk]]
        # As fast as BLAS on one core, memory being the limit. BLAS would put all cores to each query, where threads
        # and processes that answer others wait for one another: ten times the CPU time on a busy machine.
        similarities[chunk] = np.einsum("ij,j->i", rows, query)
    if silent is not None and len(silent):
        similarities[silent if among is None else np.isin(among, silent)] = -np.inf
    if count < total:
        last = np.partition(similarities, total - count)[total - count]
        places = np.flatnonzero(similarities >= max(last - RESCORE_MARGIN, -2.0))
    else:
        places = np.flatnonzero(similarities >= -2.0)
    return rank(vectors, query, places if among is None else among[places]).first(count)


def best_similarities(vectors: Rows, queries: Vectors, own: Items, count: int, silent: Items | None = None) -> Vectors:
    """Find, for many unit queries (q, d) in one pass, the similarities of the `count` nearest rows: (q, count).

    own: the row that each query is itself, which is left out; -1 for none. silent: rows that have no vector. Best
    first; -inf where rows run out.
    """
    best = np.full((len(queries), count), -np.inf, np.float32)
    wanted = np.ascontiguousarray(queries.T)
    numbers = np.arange(len(queries))
    for first in range(0, len(vectors), CHUNK_ROWS):
        found = (vectors[first : first + CHUNK_ROWS] @ wanted).T
        here = (own >= first) & (own < first + found.shape[1])
        found[numbers[here], own[here] - first] = -np.inf
        if silent is not None:
            found[:, silent[(silent >= first) & (silent < first + found.shape[1])] - first] = -np.inf
        for query in np.flatnonzero((found > best[:, -1:]).any(axis=1)):
            better = found[query][found[query] > best[query, -1]]
            merged = np.concatenate((best[query], better))
            best[query] = -np.sort(-merged)[:count]
    return best


def best_items(vectors: Rows, queries: Vectors, count: int) -> Items:
    """Find, for many unit queries (q, d) in one pass, the items of the `count` nearest rows, best first: (q, count), of
    float32 products, so that rows which are nearly equal may stand in either order."""
    kept = np.zeros((len(queries), 0), np.float32)
    items = np.zeros((len(queries), 0), np.int64)
    wanted = np.ascontiguousarray(queries.T)
    for first in range(0, len(vectors), CHUNK_ROWS):
        found = (vectors[first : first + CHUNK_ROWS] @ wanted).T
        places = np.argpartition(-found, min(count, found.shape[1] - 1), axis=1)[:, :count]
        kept = np.hstack((kept, np.take_along_axis(found, places, 1)))
        items = np.hstack((items, places + first))
        order = np.argsort(-kept, axis=1, kind="stable")[:, :count]
        kept, items = np.take_along_axis(kept, order, 1), np.take_along_axis(items, order, 1)
    return items
