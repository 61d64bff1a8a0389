"""neighbours.npy: of each clip of a large catalogue its nearest others, by which a search goes on where the index ends.

The index seeds, the lists finish: of few candidates the best ones' neighbours are compared with the query, and theirs
again (the idea of EFANNA, arXiv:1609.07228). The same recall then takes a third of the time, and a fifth of the trees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.local.finder import Finder, Lists
from recommender.catalogue.local.vector_file import mapped_array
from recommender.catalogue.recall import setting_for
from recommender.errors import CatalogueDamaged
from recommender.terminal import bar_options
from recommender.vectors import unit_rows

FEWEST_CLIPS = 100_000
"""Below, lists gain nothing: the index alone answers 22,000 clips in 0.4 ms."""
LISTED = 24
CELL_CLIPS = 500
"""Clips are parted by which of some centres, one for so many clips, is nearest; those of a cell are compared, by matrix
products, with all that have its centre among their nearest few."""
CENTRES_NEAR = 8
"""How many these few are. Lists of 500,000 and of 2.08 million clips then have .90 and .89 of the 24 nearest; with
cells of 350 and twelve centres, for a third more CPU, .92 and .91, and queries are no faster."""
CENTRING_CLIPS = 32
CENTRINGS = 2
"""Centres are clips drawn at random, moved so many times to the middle of those nearest among a sample, so many for
each: cells of the same size then hold a quarter more of the nearest clips."""
LARGEST_CELL = 50_000
"""Clips that those of a cell are compared with; more are cut: thousands of clips that are all alike are each other's
neighbours in any order."""
SEED = 1
STRIDES = 16
"""Similarities of a clip are looked through by the largest of each so many."""
COMPARED_ROWS = 128
"""Clips that are compared at a time: their similarities should fit a core's cache."""
BLOCK_ROWS = 512
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
    parted = _cells(rows, _nearest_centres(vectors, rows, progress))
    _through(partial(_compare, vectors, lists, near), "neighbours", progress, *parted)
    _reverse(lists, near)
    return lists


def _nearest_centres(vectors: Vectors, rows: Items, progress: bool) -> NDArray[np.int32]:
    """Return for each row its nearest centres, the nearest first: (rows, CENTRES_NEAR)."""
    random = np.random.default_rng(SEED)
    count = max(len(rows) // CELL_CLIPS, 1)
    sample = np.sort(random.choice(rows, min(count * CENTRING_CLIPS, len(rows)), replace=False))
    centres = vectors[random.choice(sample, count, replace=False)]

    def nearest(of: Items, most: int, what: str) -> NDArray[np.int32]:
        found = np.empty((len(of), most), np.int32)

        def assign(block: Items) -> None:
            similarities = vectors[of[block]] @ centres.T
            for place in range(most):
                found[block, place] = best = similarities.argmax(axis=1)
                similarities[np.arange(len(block)), best] = -np.inf

        places = np.arange(len(of))
        _through(assign, what, progress, [places[first : first + BLOCK_ROWS] for first in places[::BLOCK_ROWS]])
        return found

    for _ in range(CENTRINGS):
        cells = nearest(sample, 1, "centres of cells")[:, 0]
        order = np.argsort(cells, kind="stable")
        there, starts = np.unique(cells[order], return_index=True)
        centres[there] = unit_rows(np.add.reduceat(vectors[sample[order]], starts))
    return nearest(rows, min(CENTRES_NEAR, count), "cells")


def _cells(rows: Items, centres: NDArray[np.int32]) -> tuple[list[Items], list[Items]]:
    """Return the rows of each cell, and those that they are compared with, both in ascending order."""
    count, most = int(centres.max()) + 1, centres.shape[1]
    own: list[Items] = []
    near: list[Items] = []
    for of, among in zip(_grouped(centres[:, 0], count), _grouped(centres.ravel(), count), strict=True):
        parts = max(-(-len(among) // LARGEST_CELL), 1)
        own += np.array_split(rows[of], parts)
        near += np.array_split(rows[among // most], parts)
    return own, near


def _grouped(numbers: NDArray[np.int32], count: int) -> list[Items]:
    """Return the places of each number below `count`."""
    # Numbers of 16 bits are sorted by radix.
    order = np.argsort(numbers.astype(np.min_scalar_type(count)), kind="stable")
    return np.split(order, np.searchsorted(numbers[order], np.arange(1, count)))


def _compare(vectors: Vectors, lists: Lists, near: Vectors, of: Items, among: Items) -> None:
    """List for some rows the nearest of others."""
    others = vectors[among].T
    # Columns beyond the last, which no row is near to, fill up the strides.
    columns = max(-(-len(among) // STRIDES), LISTED) * STRIDES
    for first in range(0, len(of), COMPARED_ROWS):
        block = of[first : first + COMPARED_ROWS]
        similarities = np.full((len(block), columns), -np.inf, np.float32)
        np.matmul(vectors[block], others, out=similarities[:, : len(among)])
        own = np.minimum(np.searchsorted(among, block), len(among) - 1)
        itself = np.flatnonzero(among[own] == block)
        similarities[itself, own[itself]] = -np.inf
        # As many strides as are listed have a similarity that reaches the last of these: so have as many clips or more.
        largest = similarities.reshape(len(block), STRIDES, -1).max(axis=1)
        last = np.partition(largest, -LISTED, axis=1)[:, -LISTED, None]
        found = np.flatnonzero((similarities >= last) & (similarities > -np.inf))
        row, column = np.divmod(found, columns)
        counts = np.bincount(row, minlength=len(block))
        places = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
        shape = len(block), max(int(counts.max()), LISTED)
        values, items = np.full(shape, -np.inf, np.float32), np.zeros(shape, np.int32)
        values[row, places], items[row, places] = similarities.ravel()[found], among[column]
        _keep(lists, near, block, items, values)


def _through(
    work: Callable[..., None], what: str, progress: bool, blocks: Sequence[Items], *beside: Sequence[Items]
) -> None:
    """Do the work for blocks of rows, and what belongs to each, on all cores: numpy lets go of the interpreter."""
    total = sum(map(len, blocks))
    bar = tqdm(total=total, desc=what, unit="clip", unit_scale=True, leave=False, **bar_options(progress))
    # One thread of BLAS for each of ours.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count() or 1) as pool, bar:
        for block, _ in zip(blocks, pool.map(work, blocks, *beside), strict=True):
            bar.update(len(block))


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
