"""Small catalogues for tests, written by the real builder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue import open_catalogue, push
from recommender.catalogue.base import Catalogue, Hit, Pushed
from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.catalogue.local.manifest import Manifest

SPACE = "vggish-pca"
DIMENSION = 128


def clustered(count: int, *, clusters: int = 8, seed: int = 3, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Vectors in clusters, as embeddings are: row i belongs to cluster i % clusters."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, 1, (clusters, dimension))
    return (centres[np.arange(count) % clusters] + random.normal(0, 0.6, (count, dimension))).astype(np.float32)


def clips(
    count: int, *, labels: Sequence[str] = ("Speech", "Dog", "Rain", "Siren"), per_source: int = 1
) -> list[NewClip]:
    """Clips with 11-character sources; clip i has label i % len(labels)."""
    found = []
    for number in range(count):
        source = f"src{number // per_source:08d}"
        start = 10.0 * (number % per_source)
        found.append(
            NewClip(f"{source}_{int(start * 1000)}", source, start, start + 10, (labels[number % len(labels)],))
        )
    return found


def write(
    out: Path,
    vectors: NDArray[np.float32],
    new: Sequence[NewClip] | None = None,
    *,
    kind: str = "mean",
    trees: int = 10,
    extra: dict[str, object] | None = None,
) -> Manifest:
    """Write a catalogue of these vectors in two batches."""
    new = new or clips(len(vectors))
    half = len(new) // 2
    batches: Iterable[ClipBatch] = (
        ClipBatch(new[:half], vectors[:half]),
        ClipBatch(new[half:], vectors[half:]),
    )
    return write_catalogue(
        out, space=SPACE, vectors_kind=kind, batches=batches, trees=trees, extra=extra, progress=False
    )


def pushed(folder: Path, url: str) -> Pushed:
    """Bring a folder's catalogue into a database."""
    catalogue = open_catalogue(folder)
    try:
        return push(catalogue, url, progress=False)
    finally:
        catalogue.close()


def recall_of_sources(
    catalogue: Catalogue,
    queries: NDArray[np.float32],
    found: Sequence[Sequence[Hit]],
    count: int,
    fits: Callable[[int], object],
) -> float:
    """Return which share of the exact nearest `count` sources of each query, among items that fit, was found."""
    everything = range(len(catalogue))
    vectors = np.asarray(catalogue.vectors_of(everything), np.float64)
    sources = np.array([clip.source for clip in catalogue.clips(everything)])
    items = np.array([item for item in everything if fits(item)])
    shares = []
    for query, hits in zip(queries.astype(np.float64), found, strict=True):
        order = items[np.argsort(-(vectors[items] @ query), kind="stable")]
        wanted = set(list(dict.fromkeys(sources[order].tolist()))[:count])
        shares.append(len(wanted & {hit.source for hit in hits}) / len(wanted))
    return float(np.mean(shares))
