"""neighbours.npy: of each clip of a large catalogue its nearest others, by which a search goes on where the index ends.

The index seeds, the lists finish: of few candidates the best ones' neighbours are compared with the query, and theirs
again (the idea of EFANNA, arXiv:1609.07228). The same recall then takes a third of the time, and a fifth of the trees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.local.finder import Finder, Lists
from recommender.catalogue.local.index import Index
from recommender.catalogue.local.vector_file import mapped_array
from recommender.catalogue.recall import setting_for
from recommender.errors import CatalogueDamaged
from recommender.terminal import bar_options

FEWEST_CLIPS = 100_000
"""Below, lists gain nothing: the index alone answers 22,000 clips in 0.4 ms."""
LISTED = 24
SEED_NODES = 1000
"""What the index looks at for the first lists: they hold two thirds of the true neighbours."""
NEAR = 10
"""So many neighbours' so many neighbours are compared with each clip."""
BLOCK_ROWS = 512
"""Rows of a block of work: their candidates' vectors take 30 MB at 128 dimensions."""
REVERSED_ROWS = 200_000
"""Rows whose pairs are turned round at a time: sorting them takes 100 MB."""
CHECKED_ROWS = 1 << 16


def build(index: Index, vectors: Vectors, searchable: Items, withheld: Items, progress: bool) -> Lists:
    """Return int32 (n, LISTED): of each clip the nearest others, best first; a row that has fewer repeats its own item.

    withheld: items that stand in no list and have none yet, so that they can be asked as if they were new.
    """
    lists = np.repeat(np.arange(len(vectors), dtype=np.int32)[:, None], LISTED, axis=1)
    near = np.full(lists.shape, -np.inf, np.float32)
    rows = np.setdiff1d(searchable, withheld)
    left_out = np.zeros(len(vectors), np.bool_)
    left_out[withheld] = True

    def seed(block: Items) -> None:
        for item in block.tolist():
            found = index.neighbours(item, LISTED + 1, SEED_NODES)
            found = found[(found != item) & ~left_out[found]][:LISTED]
            lists[item, : len(found)] = found
            near[item, : len(found)] = vectors[found] @ vectors[item]

    _through(rows, seed, "neighbours", progress)
    seeded = lists[:, :NEAR].copy()

    def join(block: Items) -> None:
        _merge(vectors, lists, near, block, seeded[seeded[block]].reshape(len(block), -1))

    _through(rows, join, "neighbours of neighbours", progress)
    _reverse(lists, near)
    return lists


def _through(rows: Items, work: Callable[[Items], None], what: str, progress: bool) -> None:
    """Do the work for blocks of rows on all cores: the index and numpy let go of the interpreter."""
    blocks = [rows[first : first + BLOCK_ROWS] for first in range(0, len(rows), BLOCK_ROWS)]
    bar = tqdm(total=len(rows), desc=what, unit="clip", unit_scale=True, **bar_options(progress))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, bar:
        for block, _ in zip(blocks, pool.map(work, blocks), strict=True):
            bar.update(len(block))


def _merge(vectors: Vectors, lists: Lists, near: Vectors, block: Items, others: Lists) -> None:
    candidates = np.sort(np.hstack((lists[block], others)), axis=1)
    similarities = np.einsum("bcd,bd->bc", vectors[candidates], vectors[block])
    similarities[:, 1:][candidates[:, 1:] == candidates[:, :-1]] = -np.inf
    similarities[candidates == block[:, None]] = -np.inf
    _keep(lists, near, block, candidates, similarities)


def _keep(lists: Lists, near: Vectors, block: Items, candidates: Lists, similarities: Vectors) -> None:
    best = np.argpartition(-similarities, LISTED - 1, axis=1)[:, :LISTED]
    order = np.argsort(-np.take_along_axis(similarities, best, 1), axis=1, kind="stable")
    best = np.take_along_axis(best, order, 1)
    near[block] = np.take_along_axis(similarities, best, 1)
    found = np.take_along_axis(candidates, best, 1)
    lists[block] = np.where(np.isfinite(near[block]), found, block[:, None])


def _reverse(lists: Lists, near: Vectors) -> None:
    """Let each clip be listed by those that it lists, where it is nearer than what they list last."""
    pairs = []
    for first in range(0, len(lists), REVERSED_ROWS):
        to, similarity = lists[first : first + REVERSED_ROWS], near[first : first + REVERSED_ROWS]
        own = np.broadcast_to(np.arange(first, first + len(to), dtype=np.int32)[:, None], to.shape)
        better = similarity > near[to, -1]
        pairs.append((to[better], own[better], similarity[better]))
    to, own, similarity = (np.concatenate(part) for part in zip(*pairs, strict=True))
    known = (lists[to] == own[:, None]).any(axis=1)
    to, own, similarity = to[~known], own[~known], similarity[~known]
    order = np.lexsort((-similarity, to))
    to, own, similarity = to[order], own[order], similarity[order]
    rows, starts, counts = np.unique(to, return_index=True, return_counts=True)
    for first in range(0, len(rows), BLOCK_ROWS):
        block = rows[first : first + BLOCK_ROWS].astype(np.int64)
        begin, count = starts[first : first + BLOCK_ROWS], np.minimum(counts[first : first + BLOCK_ROWS], LISTED)
        places = begin[:, None] + np.arange(LISTED)
        there = np.arange(LISTED) < count[:, None]
        places = np.where(there, places, 0)
        _keep(
            lists,
            near,
            block,
            np.hstack((lists[block], own[places])),
            np.hstack((near[block], np.where(there, similarity[places], -np.inf).astype(np.float32))),
        )


def admit(finder: Finder, withheld: Items, calibration: Sequence[Calibration]) -> None:
    """Write the lists of what was withheld, and let their neighbours list them in turn, where they are near enough."""
    vectors, lists = finder.vectors, finder.lists
    if lists is None:
        return
    setting = setting_for(calibration, LISTED + 1)
    found = [finder.nearest(vectors[item], LISTED + 1, setting) for item in withheld.tolist()]
    for item, neighbours in zip(withheld.tolist(), found, strict=True):
        others = neighbours.without(np.array([item])).first(LISTED)
        lists[item, : len(others)] = others.items
        for other, similarity in zip(others.items.tolist(), others.similarities.tolist(), strict=True):
            place = int((vectors[lists[other]] @ vectors[other] > similarity).sum())
            if place < LISTED and item not in lists[other]:
                lists[other, place + 1 :] = lists[other, place:-1].copy()
                lists[other, place] = item


def mapped_lists(path: Path, clips: int) -> Lists:
    """Map the lists for reading; raises `CatalogueDamaged` where they name a clip that does not exist."""
    lists: Lists = mapped_array(path)
    for first in range(0, len(lists), CHECKED_ROWS):
        block = lists[first : first + CHECKED_ROWS]
        # A negative number would count from the end.
        if block.min() < 0 or block.max() >= clips:
            raise CatalogueDamaged(f"{path} names clips that do not exist: build the catalogue again.")
    return lists
