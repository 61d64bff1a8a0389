"""`python -m benchmarks.peers FEATURES --work DIR`: our search beside others', at equal recall, as one table a size.

Queries are 1,000 real clips that are held out: in no index, and nothing is resampled from them. Each way is built in a
process of its own, saved, and asked in another, one query at a time on one thread. Its setting is the cheapest that
reaches the recall on half of the queries; the figures are those of the other half.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import features, processes
from benchmarks.catalogue import SIZES
from recommender.catalogue.exact import RESCORE_MARGIN, best_similarities

HELD_OUT = 1000
TOP = 10
TARGET = 0.99
POOR = 0.8
SEED = 11
BLOCK = 10_000
LADDER = [round(1.25**step) for step in range(5, 60)]
"""Settings that are tried, the smallest first."""

Vectors = NDArray[np.float32]
Ask = Callable[[Vectors, Any], Any]
"""Asks one query with a setting; the items found."""


@dataclass(frozen=True)
class Way:
    """build: writes the index into a folder beside vectors.npy; opened: how it is asked; ladders: settings to try, of
    each list the first that will do; needs: a module; reads_vectors: whether answers need vectors.npy."""

    name: str
    needs: str
    build: Callable[[Vectors, Path], None]
    opened: Callable[[Vectors, Path], Ask]
    ladders: Callable[[int], list[list[Any]]]
    reads_vectors: bool = True


def _build_ours(values: Vectors, folder: Path) -> None:
    from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue

    def batches() -> Iterator[ClipBatch]:
        for first in range(0, len(values), BLOCK):
            block = np.array(values[first : first + BLOCK])
            clips = [NewClip(f"v{first + row}_0", f"v{first + row}", 0.0, 10.0) for row in range(len(block))]
            yield ClipBatch(clips, block)

    write_catalogue(folder, space="vggish-pca", vectors_kind="mean", batches=batches(), progress=False)


def _open_ours(_: Vectors, folder: Path) -> Ask:
    from recommender.catalogue.base import Calibration
    from recommender.catalogue.local.calibration import hops_for
    from recommender.catalogue.local.catalogue import LocalCatalogue

    catalogue = LocalCatalogue.open(folder)

    def ask(query: Vectors, nodes: int) -> Any:
        hops = hops_for(nodes) if catalogue.finder.lists is not None else ()
        return catalogue.finder.nearest(query, TOP, Calibration(TOP, nodes, 0.0, 0, hops)).items

    return ask


def _build_annoy(vectors: Vectors, folder: Path) -> None:
    from recommender.catalogue.local import builder, index

    silent = np.array([], np.int64)
    index.build(vectors, folder / "index.ann", builder.MANY_TREES, silent, progress=False)


def _open_annoy(vectors: Vectors, folder: Path) -> Ask:
    from recommender.catalogue.base import Calibration
    from recommender.catalogue.local.finder import Finder
    from recommender.catalogue.local.index import Index

    finder = Finder(vectors, Index(folder / "index.ann", vectors.shape[1]))
    return lambda query, nodes: finder.nearest(query, TOP, Calibration(TOP, nodes, 0.0, 0)).items


def _build_flat(vectors: Vectors, folder: Path, kind: str = "Flat") -> None:
    import faiss

    index = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.train(np.array(vectors[:: max(1, len(vectors) // 100_000)]))
    index.add(np.asarray(vectors))
    faiss.write_index(index, str(folder / "index.faiss"))


def _build_ivfpq(vectors: Vectors, folder: Path) -> None:
    _build_flat(vectors, folder, f"IVF{1 << round(math.log2(2 * math.sqrt(len(vectors))))},PQ64x4fs")


def _open_faiss(vectors: Vectors, folder: Path) -> Ask:
    import faiss

    index: Any = faiss.read_index(str(folder / "index.faiss"))
    faiss.omp_set_num_threads(1)

    def ask(query: Vectors, setting: tuple[int, int]) -> Any:
        probes, candidates = setting
        if not probes:
            return index.search(query[None], TOP)[1][0]
        index.nprobe = probes
        found = index.search(query[None], candidates)[1][0]
        found = np.sort(found[found >= 0])
        return found[np.argsort(-(vectors[found] @ query))[:TOP]]

    return ask


def _build_hnswlib(vectors: Vectors, folder: Path) -> None:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(len(vectors), M=16, ef_construction=200, random_seed=SEED)
    index.add_items(vectors)
    index.save_index(str(folder / "index.hnsw"))


def _open_hnswlib(vectors: Vectors, folder: Path) -> Ask:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.load_index(str(folder / "index.hnsw"))
    index.set_num_threads(1)

    def ask(query: Vectors, width: int) -> Any:
        index.set_ef(width)
        return index.knn_query(query, TOP)[0][0]

    return ask


def _build_scann(vectors: Vectors, folder: Path) -> None:
    n = len(vectors)
    way = importlib.import_module(SCANN).builder(np.array(vectors), TOP, "dot_product")
    way = way.tree(num_leaves=2 * math.isqrt(n), num_leaves_to_search=10, training_sample_size=min(n, 250_000))
    way.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build().serialize(str(folder))


def _open_scann(_: Vectors, folder: Path) -> Ask:
    searcher = importlib.import_module(SCANN).load_searcher(str(folder))

    def ask(query: Vectors, setting: tuple[int, int]) -> Any:
        leaves, candidates = setting
        return searcher.search(query, TOP, leaves_to_search=leaves, pre_reorder_num_neighbors=candidates)[0]

    return ask


def _nodes(clips: int) -> list[list[Any]]:
    return [[steps * 100 for steps in LADDER if steps * 100 < 100 * clips]]


def _reranked(clips: int) -> list[list[Any]]:
    probes = [steps for steps in LADDER if steps <= 2 * math.isqrt(clips)]
    return [[(count, candidates) for count in probes] for candidates in (50, 100, 200, 400)]


LOCAL = "recommender.catalogue.local.catalogue"
SCANN = "scann.scann_ops.py.scann_ops_pybind"
WAYS = {
    "ours": Way("ours", LOCAL, _build_ours, _open_ours, _nodes),
    "annoy": Way("0.1's: Annoy, 100 trees", LOCAL, _build_annoy, _open_annoy, _nodes),
    "flat": Way("faiss flat (exact)", "faiss", _build_flat, _open_faiss, lambda _: [[(0, 0)]], False),
    "ivfpq": Way("faiss IVF-PQ FastScan", "faiss", _build_ivfpq, _open_faiss, _reranked),
    "hnsw": Way("hnswlib M16", "hnswlib", _build_hnswlib, _open_hnswlib, lambda _: [LADDER[6:]], False),
    "scann": Way("ScaNN", SCANN, _build_scann, _open_scann, _reranked, False),
}


def prepare(source: Path, work: Path, clips: int) -> int:
    """Write the features of the clips and of the queries; returns how many clips. clips: 0 for the real ones."""
    real = features.real_clips(source)
    means = real.frames.astype(np.float32).mean(axis=1)
    held = np.random.default_rng(SEED).permutation(len(means))[: min(HELD_OUT, len(means) // 10)]
    kept = np.setdiff1d(np.arange(len(means)), held)
    np.save(work / "held.npy", means[held])
    if not clips:
        np.save(work / "features.npy", means[kept])
        return len(kept)
    pool = real.among(kept)
    random = np.random.default_rng(SEED)
    noise = math.hypot(features.CLIP_NOISE, features.FRAME_NOISE / math.sqrt(features.FRAMES))
    made = np.lib.format.open_memmap(work / "features.npy", "w+", np.float32, (clips, means.shape[1]))
    for first in range(0, clips, BLOCK):
        chosen = random.integers(len(kept), size=min(BLOCK, clips - first))
        others = [features.partner(pool, number, random) for number in chosen.tolist()]
        share = random.uniform(*features.OWN_SHARE, (len(chosen), 1)).astype(np.float32)
        mixed = means[kept[chosen]] * share + means[kept[others]] * (1 - share)
        made[first : first + len(chosen)] = np.clip(mixed + random.normal(0, noise, mixed.shape), 0, 255)
    return clips


def build(key: str, work: Path) -> None:
    """Build one way in a process of its own."""
    values = np.load(work / "features.npy", mmap_mode="r") if key == "ours" else _vectors(work)
    (work / key).mkdir(exist_ok=True)
    try:
        importlib.import_module(WAYS[key].needs)
    except ImportError as error:
        print(json.dumps({"missing": error.name or str(error)}))
        return
    used = sum(os.times()[:4])
    WAYS[key].build(values, work / key)
    # Ours builds its index in a child.
    print(json.dumps({"build_cpu_seconds": sum(os.times()[:4]) - used}))


def _vectors(work: Path) -> NDArray[np.float32]:
    """Map our catalogue's vectors, which the other ways index."""
    from recommender.catalogue.local.manifest import Manifest

    return Manifest.read(work / "ours").mapped_vectors(work / "ours")


def _anonymous() -> int:
    """Return the kilobytes of this process that no file stands behind: another process would need them once more."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def ask(key: str, work: Path) -> None:
    """Ask what was built, in a process of its own."""
    from recommender.catalogue.local.manifest import Manifest
    from recommender.vectors import unit_rows

    vectors = _vectors(work)
    queries = unit_rows(Manifest.read(work / "ours").recipe.finish(np.load(work / "held.npy"))).astype(np.float32)
    way = WAYS[key]
    importlib.import_module(way.needs)
    before = _anonymous()
    asked = way.opened(vectors, work / key)
    asked(queries[0], way.ladders(len(vectors))[0][0])
    private = _anonymous() - before
    wanted = best_similarities(vectors, queries, np.full(len(queries), -1), TOP)[:, -1]

    def measure(part: slice, setting: Any) -> tuple[NDArray[np.float64], float]:
        recalls, took = [], 0.0
        for query, last in zip(queries[part], wanted[part], strict=True):
            started = time.thread_time()
            found = asked(query, setting)
            took += time.thread_time() - started
            recalls.append(float((vectors[found] @ query >= last - RESCORE_MARGIN).sum()) / TOP)
        return np.array(recalls), took / len(recalls) * 1000

    trials: list[tuple[float, Any]] = []
    for ladder in way.ladders(len(vectors)):
        for setting in ladder:
            recalls, took = measure(slice(0, None, 2), setting)
            if recalls.mean() >= TARGET:
                trials.append((took, setting))
                break
    if not trials:
        trials = [(took, setting)]
    setting = min(trials, key=lambda trial: trial[0])[1]
    recalls, took = measure(slice(1, None, 2), setting)
    print(json.dumps({
        "cpu_ms": took, "setting": setting, "recall": recalls.mean(), "error": recalls.std() / math.sqrt(len(recalls)),
        "poor": (recalls < POOR).mean(), "private_megabytes": private / 1024,
    }))  # fmt: skip


def measure_size(
    source: Path, work: Path, clips: int, ways: list[str], smaller: dict[str, Any] | None
) -> dict[str, Any]:
    """Measure all ways at one size, and print each as it is done. smaller: what another size measured."""
    figures: dict[str, Any] = {"clips": prepare(source, work, clips)}
    print(f"\n{figures['clips']:,} clips, queries held out, CPU of one thread, recall@{TOP} of {TARGET} aimed at")
    print(f"{'':<24}{'ms':>8}{'recall@10':>16}{'poor %':>8}{'build CPU s':>13}", end="")
    print(f"{'disk MB':>9}{'peak MB':>9}{'private MB':>12}{'growth':>8}", flush=True)
    for key in ways:
        row: dict[str, Any] = {}
        try:
            for step in ("build", "ask"):
                done = processes.run(["-m", "benchmarks.peers", "--step", step, key, "--work", str(work)])
                row |= {**done.json(), f"{step}_peak_megabytes": done.peak_megabytes}
                if "missing" in row:
                    break
        except subprocess.CalledProcessError:
            row["missing"] = "a run without an error, see above,"
        row["disk_megabytes"] = sum(path.stat().st_size for path in (work / key).iterdir()) / processes.MEGABYTE
        if WAYS[key].reads_vectors and key != "ours":
            row["disk_megabytes"] += _vectors(work).nbytes / processes.MEGABYTE
        figures[key] = row
        show(key, figures, smaller)
        if key != "ours":
            shutil.rmtree(work / key)
    shutil.rmtree(work / "ours")
    return figures


def show(key: str, figures: dict[str, Any], smaller: dict[str, Any] | None) -> None:
    """Print one row; growth: the power of the number of clips that a query's time grows by."""
    row, before = figures[key], smaller.get(key, {}) if smaller else {}
    if "missing" in row:
        print(f"{WAYS[key].name:<24} not measured: needs {row['missing']} (requirements-bench.txt)", flush=True)
        return
    power = ""
    if smaller and "cpu_ms" in before:
        times, larger = row["cpu_ms"] / before["cpu_ms"], figures["clips"] / smaller["clips"]
        power = f"{math.log(times) / math.log(larger):.2f}"
    print(
        f"{WAYS[key].name:<24}{row['cpu_ms']:>8.3f}{row['recall']:>8.4f} ± {row['error']:.4f}{100 * row['poor']:>7.1f}"
        f"{row['build_cpu_seconds']:>13.1f}{row['disk_megabytes']:>9.0f}{row['build_peak_megabytes']:>9.0f}"
        f"{row['private_megabytes']:>12.1f}{power:>8}",
        flush=True,
    )


def main() -> None:
    """Run the command, or one of its steps."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("features", type=Path, nargs="?", help="folder of real features")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made; 3 GB for 500k, 10 for 2m")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["real", "500k"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--step", nargs=2, metavar=("build|ask", "WAY"), help="what the command starts itself")
    arguments = parser.parse_args()
    if arguments.step:
        # ScaNN's wheel is bound to one version of TensorFlow, which only a half of it needs that is not used here.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        {"build": build, "ask": ask}[arguments.step[0]](arguments.step[1], arguments.work)
        return
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    smaller = None
    for size in arguments.sizes:
        # All others read the vectors of ours.
        ways = ["ours", *(way for way in arguments.ways if way != "ours")]
        figures = measure_size(arguments.features, arguments.work, SIZES[size], ways, smaller)
        smaller = smaller or figures


if __name__ == "__main__":
    main()
