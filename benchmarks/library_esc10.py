"""How well a library built from ESC-10 answers: files in, names out.

    python -m benchmarks.library_esc10 ESC10 --work DIR [--embedder NAME] [--weights DIR]

For each file: is the nearest clip of another recording of the same class, and how many of the nearest five are. File
names are FOLD-RECORDING-TAKE.ogg; clips of the asked clip's own recording are left out. Random is 0.10.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from recommender.embedders import registry

ASKED = 60
"""Results asked for: enough that five are left when those of the same recording are taken out."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--embedder", default=registry.default().name)
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    out = arguments.work / f"esc10-{arguments.embedder}"
    weights = ["--weights", str(arguments.weights)] if arguments.weights else []
    run("build", "library", str(arguments.data), "--out", str(out), "--embedder", arguments.embedder, *weights)
    paths = [path.relative_to(arguments.data).as_posix() for path in sorted(arguments.data.glob("*/*.ogg"))]
    report(arguments.embedder, out, paths, _recording)


def report(embedder: str, out: Path, paths: list[str], recording: Callable[[str], str]) -> None:
    """Ask for every file, and print how often what comes back is of its class: the folder that it lies in."""
    asked = subprocess.run(
        [sys.executable, "-m", "recommender", "similar", str(out), "-", "--json", "--top", str(ASKED)],
        input="\n".join(paths),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    nearest: Counter[str] = Counter()
    of_five = 0
    for path, line in zip(paths, asked.stdout.splitlines(), strict=True):
        sources = [result["source"] for result in json.loads(line)["results"]]
        others = [source for source in sources if recording(source) != recording(path)][:5]
        # Where all others are noise to a clip, there is none.
        nearest[_class(path)] += bool(others) and _class(others[0]) == _class(path)
        of_five += sum(_class(other) == _class(path) for other in others)
    for name, right in sorted(nearest.items()):
        print(f"  {name:<24} {right}/{sum(_class(path) == name for path in paths)}")
    print(f"{embedder}: nearest {sum(nearest.values()) / len(paths):.3f}, of five {of_five / 5 / len(paths):.3f}")


def run(*command: str) -> None:
    """Run a command of the recommender."""
    subprocess.run([sys.executable, "-m", "recommender", *command], check=True)


def _class(path: str) -> str:
    return PurePosixPath(path).parts[0]


def _recording(path: str) -> str:
    return "-".join(PurePosixPath(path).stem.split("-")[:2])


if __name__ == "__main__":
    main()
