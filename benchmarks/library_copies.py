"""How well copies of a recording are told from recordings that are merely alike.

    python -m benchmarks.library_copies FOLDER [FOLDER …] [--files 60]

Each file (cut to 30 s) is encoded as MP3, AAC, Opus and as quieter 22.05 kHz WAV, cut to half its length, put after
silence and turned down; each must be told as a copy of its original. Then all pairs of different files are compared,
and each with the cut-outs of all others: none may be told as a copy. The starter library, whose families are alike by
intention, is always among them.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from launcher.samples import write
from recommender.audio.decoding import decode
from recommender.errors import AudioError
from recommender.library.embedding.fingerprints import LARGEST_ERROR, difference, fingerprint

SECONDS = 30
ENCODINGS = (
    ("mp3 64k", "libmp3lame", ".mp3", 44_100, 64_000, 1.0),
    ("aac 96k", "aac", ".m4a", 44_100, 96_000, 1.0),
    ("opus 48k", "libopus", ".ogg", 48_000, 48_000, 1.0),
    ("wav 22 kHz, -12 dB", "pcm_s16le", ".wav", 22_050, 0, 0.25),
)

Pcm = NDArray[np.int16]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--files", type=int, default=60, help="of each folder, evenly spread")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        starter = Path(temporary) / "starter"
        for _ in write(starter):
            pass
        sounds: dict[str, Pcm] = {}
        for folder in (*arguments.folders, starter):
            paths = sorted(path for path in folder.rglob("*") if path.suffix in {".wav", ".ogg", ".mp3", ".flac"})
            for path in paths[:: max(1, len(paths) // arguments.files)]:
                try:
                    sounds[str(path)] = decode(path, max_seconds=3600, timeout=120).pcm[: SECONDS * 16_000]
                except AudioError as error:
                    print(f"left out: {path.name}: {error}")
        _copies(sounds, Path(temporary))
        _unrelated(sounds)


def _copies(sounds: dict[str, Pcm], folder: Path) -> None:
    originals = {name: fingerprint(pcm) for name, pcm in sounds.items()}
    for name, codec, suffix, rate, bits, gain in ENCODINGS:
        errors = []
        for number, (path, pcm) in enumerate(sounds.items()):
            copy = _encode(pcm, folder / f"{number}{suffix}", codec, rate, bits, gain)
            errors.append(difference(originals[path], fingerprint(decode(copy, max_seconds=60).pcm)))
        _say(name, errors)
    for name, change in VERSIONS.items():
        _say(name, [difference(originals[path], fingerprint(change(pcm))) for path, pcm in sounds.items()])


def _say(name: str, errors: list[float]) -> None:
    found = np.mean(np.array(errors) <= LARGEST_ERROR)
    print(
        f"{name:<22} {found:7.1%} of {len(errors)} told as copies; share of differing bits: median "
        f"{np.median(errors):.3f}, 95 % under {np.percentile(errors, 95):.3f}",
        flush=True,
    )


def _half(pcm: Pcm) -> Pcm:
    return pcm[len(pcm) // 4 + 123 :][: len(pcm) // 2]


VERSIONS: dict[str, Callable[[Pcm], Pcm]] = {
    "half of it": _half,
    "2 s of silence before": lambda pcm: np.concatenate([np.zeros(32_123, np.int16), pcm]),
    "12 dB quieter": lambda pcm: pcm // 4,
}


def _unrelated(sounds: dict[str, Pcm]) -> None:
    prints = {path: fingerprint(pcm) for path, pcm in sounds.items()}
    halves = {path: fingerprint(_half(pcm)) for path, pcm in sounds.items()}
    pairs = [(difference(prints[a], prints[b]), a, b) for a, b in itertools.combinations(prints, 2)]
    pairs += [(difference(prints[a], halves[b]), a, b) for a, b in itertools.permutations(prints, 2)]
    wrong = [pair for pair in pairs if pair[0] <= LARGEST_ERROR]
    print(f"different files: {len(wrong)} of {len(pairs)} pairs told as copies; the closest:")
    for error, first, second in sorted(pairs)[:5]:
        print(f"  {error:.3f}  {Path(first).name}  |  {Path(second).name}")


def _encode(pcm: Pcm, path: Path, codec: str, rate: int, bits: int, gain: float) -> Path:
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        if bits:
            stream.codec_context.bit_rate = bits
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray((pcm[None, :] * gain).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()
