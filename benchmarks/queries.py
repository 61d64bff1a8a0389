"""`python -m benchmarks.queries DIR annoy|flat|ivf|hnsw|scan`: build time and query time at the target recall."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.exact import RESCORE_MARGIN, best_similarities, nearest
from recommender.catalogue.local.catalogue import LocalCatalogue

TOP = 10
QUERIES = 1000
TIMED_SCANS = 60
TARGET = 0.99
SEED = 5

Vectors = NDArray[np.float32]
Ask = Callable[[Vectors, int], Iterable[int]]


def annoy(catalogue: LocalCatalogue) -> tuple[float, Ask, list[int]]:
    """The catalogue's own index, built once more for its time, asked with the calibrated setting."""
    import tempfile

    from recommender.catalogue.local import index

    with tempfile.TemporaryDirectory(dir=catalogue.folder.parent) as folder:
        started = time.perf_counter()
        silent = catalogue.table.unsearchable
        index.build(catalogue.vectors, Path(folder) / "x.ann", catalogue.manifest.trees, silent, progress=False)
        seconds = time.perf_counter() - started
    setting = catalogue.manifest.calibration[0]

    def ask(query: Vectors, _: int) -> Iterable[int]:
        found: list[int] = catalogue.finder.nearest(query, TOP + 1, setting).items.tolist()
        return found

    return seconds, ask, [setting.search_k]


def scan(catalogue: LocalCatalogue) -> tuple[float, Ask, list[int]]:
    """Our own exact scan, which filters use."""
    return 0.0, lambda query, _: nearest(catalogue.vectors, query, TOP + 1).items.tolist(), [0]


def flat(catalogue: LocalCatalogue) -> tuple[float, Ask, list[int]]:
    """faiss, exact."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(catalogue.manifest.dimension)
    started = time.perf_counter()
    index.add(catalogue.vectors)
    return time.perf_counter() - started, lambda query, _: index.search(query[None], TOP + 1)[1][0].tolist(), [0]


def ivf(catalogue: LocalCatalogue) -> tuple[float, Ask, list[int]]:
    """faiss, inverted lists: about sqrt(8 n) of them."""
    import faiss

    lists = 1 << int(np.log2(np.sqrt(8 * len(catalogue))))
    quantizer = faiss.IndexFlatIP(catalogue.manifest.dimension)
    index = faiss.IndexIVFFlat(quantizer, catalogue.manifest.dimension, lists, faiss.METRIC_INNER_PRODUCT)
    started = time.perf_counter()
    index.train(catalogue.vectors[:: max(1, len(catalogue) // (lists * 50))].copy())
    index.add(catalogue.vectors)
    seconds = time.perf_counter() - started
    faiss.omp_set_num_threads(1)

    def ask(query: Vectors, probes: int) -> Iterable[int]:
        index.nprobe = probes
        return index.search(query[None], TOP + 1)[1][0].tolist()  # type: ignore[no-any-return]

    return seconds, ask, [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]


def hnsw(catalogue: LocalCatalogue) -> tuple[float, Ask, list[int]]:
    """hnswlib with M 16."""
    import hnswlib

    index = hnswlib.Index(space="ip", dim=catalogue.manifest.dimension)
    index.init_index(len(catalogue), M=16, ef_construction=200, random_seed=SEED)
    started = time.perf_counter()
    index.add_items(catalogue.vectors)
    seconds = time.perf_counter() - started
    index.set_num_threads(1)

    def ask(query: Vectors, ef: int) -> Iterable[int]:
        index.set_ef(ef)
        return index.knn_query(query, TOP + 1)[0][0].tolist()  # type: ignore[no-any-return]

    return seconds, ask, [11, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960, 1280, 2560]


def main() -> None:
    """Find the cheapest setting that reaches the target, and time it, one query at a time on one core."""
    catalogue, way = LocalCatalogue.open(Path(sys.argv[1])), sys.argv[2]
    ways: dict[str, Callable[[LocalCatalogue], tuple[float, Ask, list[int]]]] = {
        "annoy": annoy, "scan": scan, "flat": flat, "ivf": ivf, "hnsw": hnsw,
    }  # fmt: skip
    seconds, ask, settings = ways[way](catalogue)
    sample = np.random.default_rng(SEED).integers(len(catalogue), size=QUERIES)
    if way in {"flat", "scan"}:
        sample = sample[:TIMED_SCANS]
    queries = catalogue.vectors[sample]
    wanted = best_similarities(catalogue.vectors, queries, sample, TOP)[:, -1]
    figures: dict[str, Any] = {}
    for setting in settings:
        recalls, times = [], []
        for query, item, last in zip(queries, sample.tolist(), wanted, strict=True):
            started = time.perf_counter()
            found = ask(query, setting)
            times.append(time.perf_counter() - started)
            others = [i for i in found if i != item and i >= 0][:TOP]
            recalls.append(float((catalogue.vectors[others] @ query >= last - RESCORE_MARGIN).sum()) / TOP)
        figures = {
            "setting": setting,
            "recall": float(np.mean(recalls)),
            "p50_ms": float(np.percentile(times, 50) * 1000),
            "p99_ms": float(np.percentile(times, 99) * 1000),
        }
        if figures["recall"] >= TARGET:
            break
    print(json.dumps({"build_seconds": seconds, **figures}))


if __name__ == "__main__":
    main()
