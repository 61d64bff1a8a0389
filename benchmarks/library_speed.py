"""How fast a library is built, beside the original MusiCNN package's own way on the same files.

    python -m benchmarks.library_speed --work DIR --files 100 [--peer PYTHON] [--embedder-url URL …]

The files are 30 s of 44.1 kHz stereo WAV, put together from the starter library's sounds. Ours is the whole command
`build library`: start, reading, decoding, fingerprints, embedding with tags, index. PYTHON is the interpreter of a
virtual environment with the original package, which needs versions from 2023:

    python3.10 -m venv PEER && PEER/bin/pip install tensorflow-cpu==2.12.1 librosa==0.9.2 numpy==1.23.5 'setuptools<70'
    PEER/bin/pip install --no-deps musicnn==0.1.0

Its way is what its README says: `extractor(path, model="MSD_musicnn")` for each file, in one process, which TensorFlow
spreads over both cores.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np

from launcher.samples import SAMPLES

SECONDS, RATE = 30, 44_100

PEER = """
import contextlib, io, sys, time
sys.stderr = io.StringIO()
import tensorflow.compat.v1 as tf
from musicnn.extractor import extractor
started = time.time()
for path in sys.argv[1:]:
    tf.reset_default_graph()
    with contextlib.redirect_stdout(io.StringIO()):
        extractor(path, model="MSD_musicnn")
print(time.time() - started)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--peer-files", type=int, default=20)
    parser.add_argument("--embedder-url", action="append", default=[])
    arguments = parser.parse_args()
    folder = arguments.work / f"speed-{arguments.files}"
    paths = _write(folder, arguments.files)
    out = arguments.work / "speed-catalogue"
    for stale in (out, out.with_name(f"{out.name}.library")):
        shutil.rmtree(stale, ignore_errors=True)
    options = [option for url in arguments.embedder_url for option in ("--embedder-url", url)]
    ours = _build(folder, out, options)
    hours = arguments.files * SECONDS / 3600
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"build library: {hours:.2f} h in {ours:.1f} s, {hours / (ours / 60):.2f} h a minute, {memory:.0f} MB at most"
    )
    print(f"again, nothing changed: {_build(folder, out, options):.2f} s")
    if arguments.peer:
        some = [str(path) for path in paths[: arguments.peer_files]]
        peer = float(subprocess.run([arguments.peer, "-c", PEER, *some], capture_output=True, check=True).stdout)
        peer_hours = len(some) * SECONDS / 3600
        rate = peer_hours / (peer / 60)
        print(f"musicnn 0.1.0: {peer_hours:.2f} h in {peer:.1f} s, {rate:.2f} h a minute")
        print(f"ours is {hours / (ours / 60) / rate:.1f} times as fast")


def _build(folder: Path, out: Path, options: list[str]) -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", "recommender", "build", "library", str(folder), "--out", str(out), "--json"]
    told = subprocess.run([*command, *options], stdout=subprocess.PIPE, check=True).stdout
    took = time.monotonic() - started
    assert json.loads(told)["failed"] == {}
    return took


def _write(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number:04}.wav" for number in range(count)]
    if all(path.exists() for path in paths):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    sounds = [sample.pcm() for sample in SAMPLES]
    random = np.random.default_rng(1)
    for path in paths:
        parts = [sounds[i] for i in random.integers(0, len(sounds), 12)]
        mono = np.concatenate(parts)[: SECONDS * RATE]
        with wave.open(str(path), "wb") as file:
            file.setparams((2, 2, RATE, 0, "NONE", ""))
            file.writeframes(np.repeat(np.resize(mono, SECONDS * RATE), 2).astype("<i2").tobytes())
    return paths


if __name__ == "__main__":
    main()
