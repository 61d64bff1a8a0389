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
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.local.finder import Finder, Lists
from recommender.catalogue.local.vector_file import mapped_array
from recommender.catalogue.recall import setting_for
from recommender.errors import CatalogueDamaged
from recommender.terminal import bar_options

FEWEST_CLIPS = 100_000
"""Below, lists gain nothing: the index alone answers 22,000 clips in 0.4 ms."""
LISTED = 24
PARTITIONS = 4
CELL_CLIPS = 1000
"""The first lists: all clips are parted by which of some clips drawn at random is nearest, and those of a cell, so many
on average, are compared with one another by matrix products; so many times anew. It takes a quarter of the time that
asking the index takes, and finds more."""
LARGEST_CELL = 8000
"""Larger ones are cut: thousands of clips that are all alike are each other's neighbours in any order."""
SEED = 1
NEAR = 10
"""So many neighbours' so many neighbours are compared with each clip."""
BLOCK_ROWS = 512
"""Rows of a block of work: their candidates' vectors take 30 MB at 128 dimensions."""
REVERSED_ROWS = 200_000
"""Rows whose pairs are turned round at a time: sorting them takes 100 MB."""
CHECKED_ROWS = 1 << 16


def build(vectors: Vectors, searchable: Items, withheld: Items, progress: bool) -> Lists:
    """Return int32 (n, LISTED): of each clip the nearest others, best first; a row that has fewer repeats its own item.

    withheld: items that stand in no list and have none yet, so that they can be asked as if they were new.
    """
    lists = np.repeat(np.arange(len(vectors), dtype=np.int32)[:, None], LISTED, axis=1)
    near = np.full(lists.shape, -np.inf, np.float32)
    rows = np.setdiff1d(searchable, withheld)
    random = np.random.default_rng(SEED)
    for number in range(PARTITIONS):
        centres = vectors[np.sort(random.choice(rows, max(len(rows) // CELL_CLIPS, 1), replace=False))].T.copy()
        cells = np.empty(len(vectors), np.int32)

        def part(block: Items, centres: Vectors = centres, cells: Lists = cells) -> None:
            cells[block] = (vectors[block] @ centres).argmax(axis=1)

        def compare(cell: Items) -> None:
            _compare(vectors, lists, near, cell)

        what = f"neighbours, {number + 1} of {PARTITIONS}"
        _through(_blocks(rows), part, f"{what}: cells", progress)
        _through(_cells(rows, cells[rows]), compare, what, progress)
    seeded = lists[:, :NEAR].copy()

    def join(block: Items) -> None:
        _merge(vectors, lists, near, block, seeded[seeded[block]].reshape(len(block), -1))

    _through(_blocks(rows), join, "neighbours of neighbours", progress)
    _reverse(lists, near)
    return lists


def _blocks(rows: Items) -> list[Items]:
    return [rows[first : first + BLOCK_ROWS] for first in range(0, len(rows), BLOCK_ROWS)]


def _cells(rows: Items, cells: Lists) -> list[Items]:
    """Return the rows of each cell; cells: the number of each row's."""
    order = np.argsort(cells, kind="stable")
    found = np.split(rows[order], np.flatnonzero(np.diff(cells[order])) + 1)
    return [cell[first : first + LARGEST_CELL] for cell in found for first in range(0, len(cell), LARGEST_CELL)]


def _compare(vectors: Vectors, lists: Lists, near: Vectors, cell: Items) -> None:
    """Compare the clips of a cell with one another, and keep what is nearer than what is listed."""
    of_cell, most = vectors[cell], min(LISTED, len(cell))
    for first in range(0, len(cell), BLOCK_ROWS):
        block = cell[first : first + BLOCK_ROWS]
        similarities = of_cell[first : first + BLOCK_ROWS] @ of_cell.T
        similarities[np.arange(len(block)), np.arange(first, first + len(block))] = -np.inf
        places = np.argpartition(-similarities, most - 1, axis=1)[:, :most]
        best, candidates = np.take_along_axis(similarities, places, 1), cell[places].astype(np.int32)
        best[(candidates[:, :, None] == lists[block][:, None, :]).any(axis=2)] = -np.inf
        _keep(lists, near, block, np.hstack((lists[block], candidates)), np.hstack((near[block], best)))


def _through(blocks: Sequence[Items], work: Callable[[Items], None], what: str, progress: bool) -> None:
    """Do the work for blocks of rows on all cores: numpy lets go of the interpreter."""
    total = sum(map(len, blocks))
    bar = tqdm(total=total, desc=what, unit="clip", unit_scale=True, leave=False, **bar_options(progress))
    # One thread of BLAS for each of ours.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count() or 1) as pool, bar:
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
