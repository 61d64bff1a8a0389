"""`python -m benchmarks.opening DIR`: from nothing to the first answer, and the memory that a second process adds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil

from recommender.recommender import Recommender
from recommender.settings import Settings

QUERIES = 100
MEGABYTE = 1 << 20


def _private() -> float:
    """Return what belongs to this process alone, in megabytes."""
    return float(psutil.Process().memory_full_info().uss) / MEGABYTE


def _bare() -> float:
    """Return the same of a Python that does nothing."""
    code = "import psutil; print(psutil.Process().memory_full_info().uss)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout) / MEGABYTE


def _asked(folder: Path) -> tuple[Recommender, dict[str, float]]:
    """Open and ask; the recommender is given back, so that the catalogue stays mapped."""
    started = time.perf_counter()
    recommender = Recommender.open(Settings(catalogue=folder, _env_file=None))
    opened = time.perf_counter()
    recommender.similar("#1")
    answered = time.perf_counter()
    count = len(recommender.catalogue)
    times = []
    for number in range(QUERIES):
        begun = time.perf_counter()
        recommender.similar(f"#{number * (count // QUERIES)}")
        times.append(time.perf_counter() - begun)
    return recommender, {
        "open_seconds": opened - started,
        "first_answer_seconds": answered - started,
        "answer_p50_ms": sorted(times)[QUERIES // 2] * 1000,
        "private_megabytes": _private(),
    }


def main() -> None:
    """Open twice: this process first, a second beside it while the first holds the catalogue."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        print(json.dumps(_asked(folder)[1]))
        return
    held, first = _asked(folder)
    command = [sys.executable, "-m", "benchmarks.opening", str(folder), "second"]
    second = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    second["private_beyond_python_megabytes"] = second["private_megabytes"] - _bare()
    held.close()
    print(json.dumps({"first": first, "second": second}))


if __name__ == "__main__":
    main()
