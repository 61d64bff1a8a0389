"""What becomes of each file that version 0.1 got wrong, one row per file.

    python -m benchmarks.field_cases DATA/field-cases [--labels CSV]

Sound: its length, its level, what ffmpeg's libraries make of the first track without us, and how near its clip vector
is to the plain piano's; a file that is not used says why. Other files: the last line that a build of them says.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np

from recommender.audio import SAMPLE_RATE
from recommender.audio.decoding import decode, metadata
from recommender.embedders.local import LocalEmbedder, in_process
from recommender.errors import AudioError
from recommender.prepared_windows import embed_windows, windows_of
from recommender.vectors import unit

PLAIN = "misread/as_16_bit.wav"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=Path, help="class_labels_indices.csv, for AudioSet's cases")
    arguments = parser.parse_args()
    embedder = in_process("yamnet", None)
    plain = _vector(decode(arguments.data / PLAIN, max_seconds=60).pcm, embedder)
    for path in sorted(arguments.data.rglob("*")):
        if path.is_file() and "audioset" not in path.parts and path.suffix != ".md":
            print(f"{path.relative_to(arguments.data)!s:<54} {_sound(path, plain, embedder)}", flush=True)
    for case in sorted((arguments.data / "audioset").iterdir()) if arguments.labels else ():
        for features, labels in _builds(case, arguments.labels):
            print(f"{labels.name if case.name == 'labels' else case.name:<54} {_built(features, labels)}", flush=True)


def _sound(path: Path, plain: np.ndarray, embedder: LocalEmbedder) -> str:
    try:
        found = decode(path, max_seconds=60)
    except AudioError as error:
        return f"{error.code}: {error}"
    level = float(np.sqrt(np.mean((found.pcm / 32_768) ** 2)))
    seconds, other = _by_ffmpeg(path)
    said = f"{found.seconds:.3f} s, RMS {level:.5f}; ffmpeg {seconds:.3f} s, {other:.5f}"
    said += f"; {_vector(found.pcm, embedder) @ plain:.2f} like the piano"
    if found.incomplete is not None:
        said += f"; incomplete: {found.incomplete.seconds:.2f} of {found.incomplete.claimed} s"
    title = metadata(path).get("title")
    return f"{said}; title {title}" if title else said


def _vector(pcm: np.ndarray, embedder: LocalEmbedder) -> np.ndarray:
    windows = list(embed_windows(windows_of([pcm], SAMPLE_RATE), embedder, tags=False))
    vector = unit(np.concatenate([window.frames.vectors for window in windows]).mean(axis=0))
    assert vector is not None
    return vector


def _by_ffmpeg(path: Path) -> tuple[float, float]:
    """Return seconds and RMS of the first audio track by ffmpeg's libraries alone, of its channels' mean."""
    parts = []
    try:
        with av.open(str(path), metadata_errors="replace") as opened:
            resampler = av.AudioResampler("fltp", rate=SAMPLE_RATE)
            for frame in opened.decode(audio=0):
                parts += [part.to_ndarray().mean(axis=0) for part in resampler.resample(frame)]
    except (av.FFmpegError, ValueError):
        pass  # what was decoded until then is what ffmpeg makes of it
    samples = np.concatenate(parts) if parts else np.zeros(1)
    return len(samples) / SAMPLE_RATE, float(np.sqrt(np.mean(samples**2)))


def _builds(case: Path, labels: Path) -> list[tuple[Path, Path]]:
    if case.name != "labels":
        return [(case, labels)]
    return [(case.parent / "mac.tgz", table) for table in sorted(case.iterdir())]


def _built(features: Path, labels: Path) -> str:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "recommender", "build", "audioset", str(features), "--labels", str(labels)]
        made = subprocess.run([*command, "--out", f"{out}/c"], capture_output=True, text=True, check=False)
    lines = [line for line in (made.stderr + made.stdout).splitlines() if line.strip() and "\r" not in line]
    warnings = [line for line in lines if "warning" in line.lower()]
    return " | ".join([*warnings[:1], *lines[-1:]])


if __name__ == "__main__":
    main()
