"""How long a library of small files takes: the first build, and one when nothing has changed.

    python -m benchmarks.library_unchanged --work DIR --files 10000
    python -m benchmarks.library_unchanged --work DIR --files 100000 --embedded 5000 --seconds 0.3 --embedder yamnet

The files are sounds of their own in folders of 100: a pitch that glides, with noise, and dies away. `--embedder` names
one of the registry; without it they are embedded by the tests' small one. Of more files than `--embedded`, the others
are remembered as if they had been: under vectors that lie about those which were, as random as theirs. Timed are the
builds, the unchanged ones as whole commands, with their memory at most, and a scan alone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.audio.wav import wav_bytes
from recommender.catalogue.local.journal import memory_of
from recommender.embedders import registry
from recommender.library.building import build
from recommender.library.embedding.embedder_pool import EmbedderPool
from recommender.library.embedding.windowing import AnalysedWindow, Analysis
from recommender.library.scanning import scan
from recommender.library.store import Store, memory_key
from tests.support.spectral import SpectralPool

RATE = 16_000
RUNS = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--embedded", type=int, help="how many are embedded in truth; default all")
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--embedder", choices=registry.names())
    arguments = parser.parse_args()
    folder, out = arguments.work / "unchanged", arguments.work / "unchanged-catalogue"
    pool = SpectralPool() if arguments.embedder is None else EmbedderPool(arguments.embedder)
    embedded = min(arguments.embedded or arguments.files, arguments.files)
    _timed(f"{embedded:,} files written", lambda: _write(folder, 0, embedded, arguments.seconds))
    _timed("first build", lambda: print(build(folder, out, pool).table()))
    if embedded < arguments.files:
        _write(folder, embedded, arguments.files, arguments.seconds)
        _remember(folder, out, pool.space)
        _timed(f"build of {arguments.files:,} files", lambda: print(build(folder, out, pool).table()))
    print(f"{sum(each.stat().st_size for each in out.rglob('*') if each.is_file()) / 1e6:.0f} MB on disk")
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


def _timed(what: str, work: Callable[[], object]) -> None:
    started, cpu = time.monotonic(), time.process_time()
    work()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took, worked = time.monotonic() - started, time.process_time() - cpu
    print(f"{what}: {took:.1f} s, {worked:.1f} s of CPU without decoders, {most:.0f} MB", flush=True)


def _write(folder: Path, first: int, stop: int, seconds: float) -> None:
    for number in range(first, stop):
        path = folder / f"folder {number // 100:03}" / f"sound {number:06}.wav"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wav_bytes(_sound(np.random.default_rng(number), seconds)))


def _sound(random: np.random.Generator, seconds: float) -> NDArray[np.int16]:
    times = np.arange(round(RATE * seconds)) / RATE
    pitch, glide, decay, noise = random.uniform((80, -2, 2, 0), (4000, 2, 30, 0.5))
    tone = np.sin(2 * np.pi * pitch * times * (1 + glide * times)) + noise * random.standard_normal(len(times))
    samples: NDArray[np.float64] = 9000 * tone * np.exp(-decay * times)
    return samples.clip(-32768, 32767).astype(np.int16)


def _remember(folder: Path, out: Path, space: str) -> None:
    """Remember what was not embedded as something that lies about what was."""
    store = Store(memory_of(out))
    key, random = memory_key(space), np.random.default_rng(1)
    try:
        known = list(store.outcomes(key))
        examples = [recording.analysis for recording in store.recordings(known[:2000], key)]
        taken = set(known)
        for file in scan(folder).files:
            sha256 = hashlib.sha256(file.absolute.read_bytes()).hexdigest()
            if sha256 not in taken:
                one, other = (examples[place] for place in random.integers(len(examples), size=2))
                assert one is not None and other is not None
                window, share = one.windows[0], random.random()
                vector = (share * window.vector + (1 - share) * other.windows[0].vector).astype(np.float32)
                windows = (AnalysedWindow(window.start, window.end, vector, window.tags),)
                store.keep_analysis(sha256, key, Analysis(one.seconds, windows, one.fingerprint), {})
    finally:
        store.close()


if __name__ == "__main__":
    main()
