"""Annoy: build, open and query the index of a catalogue."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from annoy import AnnoyIndex
from numpy.typing import NDArray
from tqdm import tqdm

from recommender.catalogue.base import Items, Vectors
from recommender.catalogue.local.vector_file import mapped
from recommender.errors import BuildFailed, CatalogueDamaged
from recommender.terminal import bar_options

METRIC: Final = "angular"
SEED = 1
BUILD_JOBS = 4
"""Threads of a build. Each grows its share of the trees from its own seed, so the trees, and with them the answers,
are the same on every machine only where this number is; four keep two cores busy, and more cores fairly so."""
ADD_ROWS = 8192


def build(vectors: Vectors, path: Path, trees: int, silent: Items, progress: bool) -> None:
    """Build an index over unit vectors (n, d) and save it; rows in `silent` are left out. Raises `BuildFailed`."""
    index = AnnoyIndex(vectors.shape[1], METRIC)
    index.set_seed(SEED)
    left_out = set(silent.tolist())
    with tqdm(total=len(vectors), desc="index", unit="clip", unit_scale=True, **bar_options(progress)) as bar:
        for first in range(0, len(vectors), ADD_ROWS):
            rows = np.ascontiguousarray(vectors[first : first + ADD_ROWS], np.float32)
            for item, row in enumerate(rows, first):
                if item not in left_out:
                    # Read in less than half the time that a list takes, or a row of numpy's.
                    index.add_item(item, array("f", row.tobytes()))
            bar.update(len(rows))
        bar.set_description(f"growing {trees} trees")
        index.build(trees, n_jobs=min(BUILD_JOBS, trees))
    try:
        index.save(str(path))
    except OSError as error:
        raise BuildFailed(f"The index cannot be written: {error}. Make room on the disk and build again.") from None
    finally:
        index.unload()


@contextmanager
def built_beside(vectors: Path, path: Path, trees: int, silent: Items) -> Iterator[None]:
    """Build an index over a file of vectors in a process of its own while the block runs; as `build` does."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        built = pool.submit(_build_of, vectors, path, trees, silent)
        yield
        try:
            built.result()
        except BrokenProcessPool:
            raise BuildFailed("The process that builds the index was killed: free memory, then build again.") from None


def _build_of(vectors: Path, path: Path, trees: int, silent: Items) -> None:
    build(mapped(vectors), path, trees, silent, progress=False)


class Index:
    """A mapped index. Loading checks nothing: ask `known_answers` first, in a child process."""

    def __init__(self, path: Path, dimension: int) -> None:
        self._index = AnnoyIndex(dimension, METRIC)
        try:
            self._index.load(str(path))
        except OSError as error:
            raise CatalogueDamaged(f"{path} cannot be mapped: {error}. Build the catalogue again.") from None

    def __len__(self) -> int:
        return int(self._index.get_n_items())

    @property
    def trees(self) -> int:
        """How many trees the index has."""
        return int(self._index.get_n_trees())

    def candidates(self, query: NDArray[np.float32], count: int, search_k: int) -> Items:
        """Find about the `count` nearest items, best first, among those that `search_k` nodes hold."""
        found = self._index.get_nns_by_vector(query.tolist(), count, search_k)
        return np.array(found, np.int64)

    def close(self) -> None:
        """Unmap the index."""
        self._index.unload()
