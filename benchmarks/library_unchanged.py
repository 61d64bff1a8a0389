"""How long a rebuild takes when nothing has changed.

    python -m benchmarks.library_unchanged --work DIR --files 10000

The files are clicks of 0.2 s in folders of 100, embedded once by the tests' small embedder. Timed is the whole command,
with its memory at most, and a scan alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from recommender.audio.wav import wav_bytes
from recommender.library.building import build
from recommender.library.scanning import scan
from tests.support.spectral import SpectralPool

SAMPLES = 3200
RUNS = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, default=10_000)
    arguments = parser.parse_args()
    folder, out = arguments.work / "unchanged", arguments.work / "unchanged-catalogue"
    random = np.random.default_rng(1)
    for number in range(arguments.files):
        path = folder / f"folder {number // 100:03}" / f"click {number:05}.wav"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wav_bytes(random.integers(-9000, 9000, SAMPLES, dtype=np.int16)))
    print(build(folder, out, SpectralPool()).table())
    command = [sys.executable, "-m", "recommender", "build", "library", str(folder), "--out", str(out)]
    for _ in range(RUNS):
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = process.stdout.read().splitlines()[-1]
        _, process.returncode, usage = os.wait4(process.pid, 0)
        print(f"{time.monotonic() - started:.2f} s, {usage.ru_maxrss / 1024:.0f} MB  {told}")
    started = time.monotonic()
    print(f"{len(scan(folder).files):,} files scanned in {time.monotonic() - started:.2f} s")


if __name__ == "__main__":
    main()
