"""vectors.npy while it is written: appended to in order, then centred and scaled in place.

Written with plain writes: a full disk is then an OSError, where a mapped file would kill the process (SIGBUS).
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from recommender.errors import BuildFailed
from recommender.vectors import Recipe, unit_rows

HEADER_BYTES = 128
"""numpy's header for any number of rows: it leaves room for the count to grow."""
BLOCK_ROWS = 16_384


class VectorFile:
    """A growing float32 (n, d) .npy file that knows the mean of its rows."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._file.write(b"\0" * HEADER_BYTES)
        self._sum: NDArray[np.float64] | None = None
        self._usable = 0
        self.rows = 0

    @property
    def dimension(self) -> int:
        """Values of a row; 0 before the first."""
        return 0 if self._sum is None else len(self._sum)

    @property
    def mean(self) -> NDArray[np.float64] | None:
        """Mean of the rows that are finite: float64 (d,)."""
        return None if self._sum is None or not self._usable else self._sum / self._usable

    def append(self, vectors: NDArray[np.float32]) -> None:
        """Write rows (n, d); raises `BuildFailed` where they are of another width than those before."""
        if not len(vectors):
            return
        if self._sum is None:
            self._sum = np.zeros(vectors.shape[1])
        if vectors.shape[1] != len(self._sum):
            raise BuildFailed(
                f"A vector has {vectors.shape[1]} values where others have {len(self._sum)}: one embedder "
                "must return them all."
            )
        finite = np.isfinite(vectors).all(axis=1)
        self._sum += vectors[finite].sum(axis=0, dtype=np.float64)
        self._usable += int(finite.sum())
        self._file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        self.rows += len(vectors)

    def __enter__(self) -> VectorFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            _write_header(self._file, self.rows, self.dimension)


def _write_header(file: IO[bytes], rows: int, dimension: int) -> None:
    file.seek(0)
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, dimension)}
    np.lib.format.write_array_header_1_0(file, header)
    if file.tell() != HEADER_BYTES:
        raise BuildFailed("numpy writes .npy headers of another size than this version knows: install it as pinned.")


def mapped(path: Path) -> NDArray[np.float32]:
    """Map a .npy file of vectors for reading."""
    vectors: NDArray[np.float32] = mapped_array(path)
    return vectors


def mapped_array(path: Path) -> NDArray[Any]:
    """Map a .npy file for reading."""
    # As a plain array: each slice of numpy's own memmap class costs ten times as much.
    return np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)  # type: ignore[no-any-return]


def index_layout(dimension: int) -> tuple[int, int]:
    """Return where in Annoy's file the first item's vector begins, and the bytes from one to the next.

    Its first nodes are those of the items, by number: of each the count of its descendants, two more numbers of four
    bytes, the vector (annoylib.h, `struct Angular::Node`).
    """
    return 12, 12 + 4 * dimension


def mapped_in_index(path: Path, clips: int, dimension: int) -> NDArray[np.float32]:
    """Map the vectors that Annoy's file holds for reading: float32 (clips, d), rows that were left out zero."""
    start, _ = index_layout(dimension)
    node = np.dtype([("head", f"V{start}"), ("vector", "<f4", (dimension,))])
    return np.memmap(path, node, "r", shape=(clips,))["vector"].view(np.ndarray)


def in_index(vectors: NDArray[np.float32], path: Path) -> bool:
    """Say whether Annoy's file holds these vectors (n, d): not where the last ones were left out, or another build of
    Annoy lays its file out otherwise."""
    if path.stat().st_size < len(vectors) * index_layout(vectors.shape[1])[1]:
        return False
    held = mapped_in_index(path, *vectors.shape)
    blocks = (slice(first, first + BLOCK_ROWS) for first in range(0, len(vectors), BLOCK_ROWS))
    return all(np.array_equal(vectors[block], held[block]) for block in blocks)


def finish_vectors(path: Path, recipe: Recipe) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Turn features into clip vectors in place; returns the rows that have no direction, now zero, and the length that
    each row had before it was scaled. Raises `BuildFailed` where vectors would be longer than features."""
    shape = mapped(path).shape
    width = shape[1] if recipe.projection is None else recipe.projection.shape[1]
    if width > shape[1]:
        raise BuildFailed(f"Features of {shape[1]} values cannot become vectors of {width}.")
    silent: list[NDArray[np.int64]] = []
    lengths: list[NDArray[np.float64]] = []
    with path.open("r+b") as file:
        for first in range(0, shape[0], BLOCK_ROWS):
            count = min(BLOCK_ROWS, shape[0] - first)
            file.seek(HEADER_BYTES + 4 * first * shape[1])
            features = np.frombuffer(file.read(4 * count * shape[1]), "<f4").reshape(count, shape[1])
            finished = recipe.finish(features)
            lengths.append(np.sqrt(np.einsum("ij,ij->i", finished, finished)))
            rows = unit_rows(finished)
            # Vectors are no longer than features, so that what is written was read before.
            file.seek(HEADER_BYTES + 4 * first * width)
            file.write(rows.astype("<f4").tobytes())
            silent.append(first + np.flatnonzero(~rows.any(axis=1)))
        file.truncate(HEADER_BYTES + 4 * shape[0] * width)
        _write_header(file, shape[0], width)
    return np.concatenate(silent), np.concatenate(lengths)
