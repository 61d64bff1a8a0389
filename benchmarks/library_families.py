"""Whether the nearest clip of the starter library is of the same family, through the whole pipeline.

python -m benchmarks.library_families --work DIR [--embedder NAME] [--seed N]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.library_esc10 import report, run
from launcher.samples import DEFAULT_SEED, SAMPLES
from launcher.samples import main as write_samples
from recommender.embedders import registry


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--embedder", default=registry.default().name)
    arguments = parser.parse_args()
    folder = arguments.work / f"starter-{arguments.seed}"
    out = arguments.work / f"starter-{arguments.seed}-{arguments.embedder}"
    write_samples([str(folder), "--seed", str(arguments.seed)])
    run("build", "library", str(folder), "--out", str(out), "--embedder", arguments.embedder)
    report(arguments.embedder, out, [sample.path.as_posix() for sample in SAMPLES], lambda path: path)


if __name__ == "__main__":
    main()
