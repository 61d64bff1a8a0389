"""`python -m benchmarks.fanout JSON …`: how long a question to many shards would take, from one shard's measured times.

Computed, not measured: this version asks one database, and was tried on a Milvus of one machine. A shard is a database,
or what one query node of a Milvus cluster holds. JSON is what `benchmarks.engines --json` wrote for catalogues of
several sizes. Assumed: clips are spread over shards by source, each shard holds its own index and answers all by
itself; a search takes as long as one of those that were measured on the largest catalogue, times the growth with the
logarithm of the clips that the sizes show; shards answer independently, the question waits for the slowest, and merging
and the network take MERGE_MS.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

QUESTIONS = 100_000
MERGE_MS = 1.0
SEED = 5


def growth(sizes: dict[int, np.ndarray]) -> float:
    """Return the milliseconds that a search takes longer for each doubling of the clips, not less than nothing."""
    few, many = min(sizes), max(sizes)
    if few == many:
        return 0.0
    return max(0.0, float(np.median(sizes[many]) - np.median(sizes[few])) / math.log2(many / few))


def fan_out(sizes: dict[int, np.ndarray], clips: int, shards: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of a question to so many shards, in milliseconds."""
    largest = max(sizes)
    longer = growth(sizes) * max(0.0, math.log2(clips / shards / largest))
    drawn = np.random.default_rng(SEED).choice(sizes[largest], (QUESTIONS, shards)).max(axis=1) + longer + MERGE_MS
    return float(np.percentile(drawn, 50)), float(np.percentile(drawn, 99))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fanout", description=__doc__)
    parser.add_argument("measured", nargs="+", type=Path, help="what benchmarks.engines --json wrote")
    parser.add_argument("--clips", type=int, nargs="+", default=[100_000_000, 1_000_000_000])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4, 10, 20])
    arguments = parser.parse_args()
    sizes = {}
    for path in arguments.measured:
        figures = json.loads(path.read_text())
        sizes[int(figures["clips"])] = np.array(figures["answers"][0]["nearest_ms"])
    measured = " and ".join(f"{size:,}" for size in sorted(sizes))
    print(f"{growth(sizes):.2f} ms longer for each doubling, from {measured} clips")
    print(f"{'clips':>14} {'shards':>7} {'p50 ms':>8} {'p99 ms':>8}")
    for clips in arguments.clips:
        for shards in arguments.shards:
            p50, p99 = fan_out(sizes, clips, shards)
            print(f"{clips:>14,} {shards:>7} {p50:>8.1f} {p99:>8.1f}")


if __name__ == "__main__":
    main()
