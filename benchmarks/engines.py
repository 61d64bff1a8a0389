"""`python -m benchmarks.engines FOLDER`: a catalogue in a database beside the same one in a folder, in one run.

FOLDER is a local catalogue. It is pushed into a PostgreSQL or a Milvus of its own (the test requirements' wheels), or
into `--url`, and both are asked the same questions: recall@10 against exact search without a filter and with labels
that about 30 % and 1 % of the clips have, results in common with the folder's, and the time of a question through
`similar`, question by question in turn.

Clips loaded a second are those read from the folder, formed into rows and taken by the engine: committed by PostgreSQL,
acknowledged by Milvus, which seals and writes them out with its indexes. Indexes and measuring stand beside.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from recommender.catalogue import open_catalogue, push
from recommender.catalogue.base import Catalogue
from recommender.catalogue.exact import RESCORE_MARGIN, nearest
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support import milvus
from tests.support.postgres import started

TOP = 10
RECALL_QUERIES = 500
TIMED_QUESTIONS = 400
SHARES = (0.3, 0.01)
BATCH = 20_000
SEED = 11
"""Other queries than those that the index was calibrated by."""


def enlarge(folder: Path, count: int, out: Path, trees: int) -> None:
    """Write a catalogue of `count` clips, each a mixture of two of a folder's, with the labels of the first."""
    catalogue = open_catalogue(folder)
    vectors = np.asarray(catalogue.vectors_of(range(len(catalogue))))
    labels = [clip.labels for clip in catalogue.clips(range(len(catalogue)))]
    facts = catalogue.facts
    catalogue.close()
    random = np.random.default_rng(SEED)

    def batches() -> Iterator[ClipBatch]:
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            one, other = random.integers(0, len(vectors), (2, size))
            share = random.uniform(0.5, 0.75, (size, 1)).astype(np.float32)
            sources = [f"g{number:010d}" for number in range(first, first + size)]
            clips = [
                NewClip(f"{source}_0", source, 0.0, 10.0, labels[item])
                for source, item in zip(sources, one.tolist(), strict=True)
            ]
            yield ClipBatch(clips, share * vectors[one] + (1 - share) * vectors[other])

    extra = {"kind": "generated", "links": facts.extra.get("links")}
    write_catalogue(out, space=facts.space, vectors_kind="mean", batches=batches(), trees=trees, extra=extra)


def measure(folder: Path, url: str) -> dict[str, Any]:
    """Push a folder's catalogue to a database, and return the figures of both."""
    local = open_catalogue(folder)
    pushed = push(local, url)
    remote = open_catalogue(url)
    figures: dict[str, Any] = {
        "clips": len(local),
        "load": {
            "clips_per_second": pushed.clips / pushed.copying if pushed.clips else None,
            "index_seconds": pushed.indexing,
            "measuring_seconds": pushed.measuring,
        },
        "bytes_per_clip": {name: size / len(local) for name, size in remote.describe().get("bytes", {}).items()},
        "answers": [_answers(local, remote, chosen, share) for share, chosen in _filters(local)],
        "windows": _windows(local, remote),
    }
    for catalogue in (local, remote):
        catalogue.close()
    figures["similar"] = [_times(folder, url, chosen) for _, chosen in _filters(local, figures["answers"])]
    return figures


def _filters(catalogue: Catalogue, known: list[dict[str, Any]] | None = None) -> list[tuple[float, Filter]]:
    if known is not None:
        return [(row["share"], Filter(only=tuple(map(tuple, row["only"])))) for row in known]
    counts = catalogue.label_counts()
    chosen = [(1.0, EVERYTHING)]
    for share in SHARES:
        label = min(counts, key=lambda name: abs(np.log(counts[name] / len(catalogue) / share)))
        chosen.append((counts[label] / len(catalogue), Filter(only=((label,),))))
    return chosen


def _answers(local: Catalogue, remote: Catalogue, chosen: Filter, share: float) -> dict[str, Any]:
    """Compare both with exact search, and with one another."""
    vectors = np.asarray(local.vectors_of(range(len(local))))
    searchable = np.flatnonzero(vectors.any(axis=1))
    silent = np.setdiff1d(np.arange(len(vectors)), searchable)
    allowed = None
    if chosen:
        allowed = np.array([c.item for c in local.clips(range(len(local))) if chosen.admits(c.labels, 0)], np.int64)
    sample = np.random.default_rng(SEED).permutation(searchable)[:RECALL_QUERIES]
    recalls: dict[str, list[float]] = {"local": [], "remote": []}
    times: dict[str, list[float]] = {"local": [], "remote": []}
    common = []
    for item in sample.tolist():
        query = vectors[item]
        exact = nearest(vectors, query, TOP + 1, allowed, silent).without(np.array([item])).first(TOP)
        found = {}
        for name, catalogue in (("local", local), ("remote", remote)):
            began = time.perf_counter()
            (hits,) = catalogue.nearest([query], TOP + 1, chosen=chosen, distinct=False)
            times[name].append((time.perf_counter() - began) * 1000)
            found[name] = [hit for hit in hits if hit.item != item][:TOP]
            good = sum(hit.similarity >= exact.similarities[-1] - RESCORE_MARGIN for hit in found[name])
            recalls[name].append(good / len(exact))
        items = {name: {hit.item for hit in hits} for name, hits in found.items()}
        common.append(len(items["local"] & items["remote"]) / len(exact))
    return {
        "only": chosen.only,
        "share": share,
        "recall_local": float(np.mean(recalls["local"])),
        "recall": float(np.mean(recalls["remote"])),
        "in_common": float(np.mean(common)),
        "nearest_ms": times["remote"],
    }


def _windows(local: Catalogue, remote: Catalogue) -> dict[str, float]:
    """Time thirty query vectors in one call, as a long upload asks them."""
    queries = local.vectors_of(np.random.default_rng(SEED).permutation(len(local))[:30])
    times: dict[str, list[float]] = {"local": [], "remote": []}
    for _ in range(20):
        for name, catalogue in (("local", local), ("remote", remote)):
            began = time.perf_counter()
            catalogue.nearest(queries, 50, sure=TOP)
            times[name].append((time.perf_counter() - began) * 1000)
    return {name: float(np.percentile(values, 50)) for name, values in times.items()}


def _times(folder: Path, url: str, chosen: Filter) -> dict[str, Any]:
    """Time questions through `similar`, each asked of both, without a cache."""
    both = {
        name: Recommender.open(Settings(catalogue=place)) for name, place in (("local", str(folder)), ("remote", url))
    }
    items = np.random.default_rng(SEED + 1).permutation(len(both["local"].catalogue))[:TIMED_QUESTIONS]
    names = [clip.clip_id for clip in both["local"].catalogue.clips(items.tolist())]
    times: dict[str, list[float]] = {"local": [], "remote": []}
    for place, name in enumerate(names):
        for kind in ("local", "remote") if place % 2 else ("remote", "local"):
            began = time.perf_counter()
            both[kind].similar(name, top=TOP, only=chosen.only)
            if place >= TIMED_QUESTIONS // 10:
                times[kind].append((time.perf_counter() - began) * 1000)
    for one in both.values():
        one.close()
    local, remote = (np.array(times[kind]) for kind in ("local", "remote"))
    return {
        "only": chosen.only,
        "local_p50_ms": float(np.percentile(local, 50)),
        "p50_ms": float(np.percentile(remote, 50)),
        "ratio": float(np.percentile(remote, 50) / np.percentile(local, 50)),
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    load, size = figures["load"], figures["bytes_per_clip"]
    print(f"{figures['clips']:,} clips")
    if load["clips_per_second"]:
        print(
            f"  load {load['clips_per_second']:,.0f} clips/s; indexes {load['index_seconds']:.1f} s; "
            f"calibration and known answers {load['measuring_seconds']:.1f} s"
        )
    if size:
        print("  bytes a clip: " + ", ".join(f"{name} {value:,.0f}" for name, value in size.items()))
    print(
        f"  {'filter':<24} {'share':>7} {'recall':>10} {'local':>7} {'common':>7} {'p50 ms':>8} {'local':>7} {'x':>5}"
    )
    for answers, times in zip(figures["answers"], figures["similar"], strict=True):
        labels = ", ".join(map(" or ".join, answers["only"])) or "none"
        print(
            f"  {labels:<24} {answers['share']:>7.2%} {answers['recall']:>10.4f} "
            f"{answers['recall_local']:>7.4f} {answers['in_common']:>7.4f} {times['p50_ms']:>8.2f} "
            f"{times['local_p50_ms']:>7.2f} {times['ratio']:>5.2f}"
        )
    print(
        f"  30 windows in one call: {figures['windows']['remote']:.1f} ms; local {figures['windows']['local']:.1f} ms"
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("folder", type=Path, help="a catalogue")
    parser.add_argument("--url", help="of a database that may be written to; a PostgreSQL of its own without")
    parser.add_argument("--milvus", action="store_true", help="a Milvus of its own in place of PostgreSQL")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--generated", type=int, metavar="N", help="of so many clips, mixtures of FOLDER's")
    parser.add_argument("--trees", type=int, default=40, metavar="N", help="of the generated catalogue's own index")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keeps the generated catalogue")
    arguments = parser.parse_args()
    folder = arguments.folder
    with ExitStack() as stack:
        url = arguments.url
        if url is None and arguments.milvus:
            url = f"{stack.enter_context(milvus.started()).url}/benchmark"
        elif url is None:
            url = stack.enter_context(started("shared_buffers=2GB")).url
        if arguments.generated:
            work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder = work / f"generated-{arguments.generated}"
            if not folder.exists():
                enlarge(arguments.folder, arguments.generated, folder, arguments.trees)
        figures = measure(folder, url)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    show(figures)


if __name__ == "__main__":
    main()
