"""`python -m benchmarks.questions FEATURES DIR --work WORK`: questions to a built catalogue, beside 0.1's way.

DIR is a large catalogue, FEATURES what it was resampled from. 0.1's way is Annoy alone: 100 trees over the same
vectors, calibrated for the same recall, with filters as they were; its index is kept in WORK. Queries are mixtures
that stand in no index. Both are asked the same questions in turn, on one thread; times are that thread's CPU.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks import features
from recommender.catalogue import recall
from recommender.catalogue.base import Calibration, Vectors
from recommender.catalogue.exact import RESCORE_MARGIN, nearest
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.local import builder, calibration, index
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.finder import Finder
from recommender.catalogue.local.nearest import Searcher
from recommender.vectors import dequantise, unit_rows

QUERIES = 200
SHARES = (0.3, 0.03, 0.003, 0.0003)
SEED = 4242


@dataclass(frozen=True)
class Question:
    """What is asked: so many results, how many of them surely, and which clips may be shown."""

    name: str
    count: int
    sure: int
    chosen: Filter = EVERYTHING


def held_out(source: Path, catalogue: LocalCatalogue) -> Vectors:
    """Return unit vectors (n, d) of clips resampled as the catalogue's were, but for another draw."""
    real, random = features.real_clips(source), np.random.default_rng(SEED)
    frames = features.mixtures(real, random.integers(len(real.labels), size=QUERIES), random)
    means = dequantise(frames.sum(axis=1, dtype=np.uint32) / features.FRAMES)
    rows: Vectors = unit_rows(catalogue.facts.recipe.finish(means)).astype(np.float32)
    return rows


def before(catalogue: LocalCatalogue, searcher: Searcher, work: Path) -> Searcher:
    """Return 0.1's way over the same vectors: built and calibrated where that was not done yet."""
    path = work / f"annoy-{catalogue.id}.ann"
    silent = catalogue.table.unsearchable
    if not path.exists():
        index.build(catalogue.vectors, path, builder.MANY_TREES, silent, progress=True)
    finder = Finder(catalogue.vectors, index.Index(path, catalogue.facts.dimension))
    kept = path.with_suffix(".json")
    if not kept.exists():
        searchable, target = np.setdiff1d(np.arange(len(catalogue)), silent), catalogue.facts.target_recall
        with patch.object(recall, "POOR", 0.0):  # 0.1 looked at the mean alone
            measured = calibration.calibrate(finder, searchable, searchable[:0], target, progress=True, most=100)
        kept.write_text(json.dumps([asdict(each) for each in measured]))
    settings = tuple(Calibration(**each) for each in json.loads(kept.read_text()))
    return replace(searcher, finder=finder, manifest=replace(searcher.manifest, calibration=settings))


def questions(catalogue: LocalCatalogue) -> list[Question]:
    """Return the questions of a week: pages, and filters of several selectivities."""
    counts = catalogue.label_counts()

    def near(share: float) -> str:
        return min(counts, key=lambda name: abs(np.log(counts[name] / len(catalogue) / share)))

    labels = {share: near(share) for share in SHARES}
    asked = [
        Question("a query", 10, 10),
        Question("next ten", 20, 20),
        Question("top 100", 100, 100),
        Question("not Speech", 10, 10, Filter(without=("Speech",))),
    ]
    asked += [
        Question(f"only {name}, {counts[name] / len(catalogue):.2%}", 10, 10, Filter(only=((name,),)))
        for name in dict.fromkeys(["Music", *labels.values()])
    ]
    common, rarer = labels[0.3], labels[0.03]
    asked.append(Question(f"only {rarer} and {common}", 10, 10, Filter(only=((rarer,), (common,)))))
    asked.append(Question(f"only {rarer} or {labels[0.003]}", 10, 10, Filter(only=((rarer, labels[0.003]),))))
    asked.append(Question("shorter than 10 s", 10, 10, Filter(shorter=9.999)))
    asked.append(Question("of 10 s or more", 10, 10, Filter(longer=10.0)))
    return asked


def measure(ways: dict[str, Searcher], asked: Question, queries: Vectors) -> dict[str, tuple[float, float, float]]:
    """Return milliseconds of CPU, recall and the share of poor answers of each way."""
    ours = next(iter(ways.values()))
    allowed = ours.allowed(asked.chosen)
    among = None if allowed is None else np.flatnonzero(allowed)
    took: dict[str, list[float]] = {name: [] for name in ways}
    recalls: dict[str, list[float]] = {name: [] for name in ways}
    for place, query in enumerate(queries):
        exact = nearest(ours.vectors, query, asked.count, among, ours.table.unsearchable)
        if not len(exact):
            continue
        for name in list(ways) if place % 2 else reversed(list(ways)):
            began = time.thread_time()
            mask = ways[name].allowed(asked.chosen)
            hits = ways[name].hits(
                query,
                asked.count,
                asked.sure,
                allowed=mask,
                own=np.empty(0, np.int64),
                without=(),
                distinct=False,
            )
            took[name].append((time.thread_time() - began) * 1000)
            good = sum(hit.similarity >= exact.similarities[-1] - RESCORE_MARGIN for hit in hits[: asked.count])
            recalls[name].append(good / len(exact))
    return {
        name: (
            float(np.mean(took[name])),
            float(np.mean(recalls[name])),
            float(np.mean(np.array(recalls[name]) < recall.POOR)),
        )
        for name in ways
    }


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.questions", description=__doc__)
    parser.add_argument("features", type=Path)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    catalogue = LocalCatalogue.open(arguments.catalogue)
    queries = held_out(arguments.features, catalogue)
    ours = Searcher(catalogue.manifest, catalogue.table, catalogue.finder)
    ways = {"ours": ours, "0.1's": before(catalogue, ours, arguments.work)}
    print(f"{len(catalogue):,} clips, {len(queries)} queries that stand in no index, CPU of one thread")
    print(f"{'':<44}{'ms':>8}{'0.1 ms':>8}{'times':>7}{'recall':>9}{'0.1':>8}{'poor %':>8}")
    for asked in questions(catalogue):
        allowed = ours.allowed(asked.chosen)
        if allowed is not None and not allowed.any():
            continue
        found = measure(ways, asked, queries)
        (ms, recall, poor), (ms_before, recall_before, _) = found["ours"], found["0.1's"]
        print(
            f"{asked.name[:43]:<44}{ms:>8.2f}{ms_before:>8.2f}{ms_before / ms:>7.1f}{recall:>9.4f}{recall_before:>8.4f}"
            f"{100 * poor:>8.1f}",
            flush=True,
        )
    catalogue.close()


if __name__ == "__main__":
    main()
