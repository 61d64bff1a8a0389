"""What becomes of each file that version 0.1 got wrong, one row per file; exit status 1 where one is read otherwise
than ffmpeg's libraries and libsndfile read it.

    python -m benchmarks.field_cases DATA/field-cases [--labels CSV]

Sound: length and level as decoded here and by those two without us, how near its clip vector is to the plain piano's,
and whether they agree; a file that is not used says why. Other files: the last line that a build of them says.
"""

from __future__ import annotations

import argparse
import io
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE
from recommender.audio.decoding import decode, metadata
from recommender.embedders.local import LocalEmbedder, in_process
from recommender.errors import AudioError
from recommender.library.descriptions import described
from recommender.library.naming import title_of
from recommender.prepared_windows import embed_windows, windows_of
from recommender.vectors import unit

PLAIN = "misread/as_16_bit.wav"
LENGTH_SECONDS = 0.005
"""Resamplers and the ends of each link of a chain cost a sample or two each; a packet, the least that a decoder loses,
is 20 ms or more."""
LEVEL = 0.01
"""Share of the RMS, 0.09 dB: resamplers differ at the edge of their pass band by half of it."""
ROUNDING = 1 / 32_768 / np.sqrt(12)
"""RMS of rounding to 16 bits, which a sound of -70 dB is not far above."""
CANCELLED = 0.5
"""Share of the channels' energy in their mean, times their number, below which they cancel each other; what is right
then is as loud as the channels."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Level:
    """What was read. seconds: 0 for nothing."""

    seconds: float
    rms: float

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s {self.rms:.6f}"


@dataclass(frozen=True, slots=True)
class Case:
    """A file, as read here and by others. others: by reader's name, None where it does not read such files;
    refusal: why it is not used; note: what people are told beside its sound."""

    own: Level
    others: dict[str, Level | None]
    refusal: AudioError | None = None
    note: str = ""

    def differences(self) -> list[str]:
        """Return in what this file was read otherwise than by others, one text each; none where all agree."""
        read = {name: level for name, level in self.others.items() if level is not None}
        if self.refusal is not None:
            sounding = {name: level for name, level in read.items() if level.rms > ROUNDING}
            return [f"refused, {name} reads {level}" for name, level in sounding.items()]
        found = [] if read else ["no other reader to compare with"]
        for name, level in read.items():
            if abs(level.seconds - self.own.seconds) > LENGTH_SECONDS:
                found.append(f"length differs from {name}'s by {self.own.seconds - level.seconds:+.3f} s")
            if not abs(level.rms - self.own.rms) <= LEVEL * level.rms + ROUNDING:
                found.append(f"RMS is {self.own.rms / max(level.rms, 1e-9):.3f} times {name}'s")
        return found


def compare(path: Path) -> Case:
    """Read a file here, by ffmpeg's libraries and by libsndfile."""
    others = {"ffmpeg": _read(path, _by_ffmpeg), "libsndfile": _read(path, _by_libsndfile)}
    try:
        found = decode(path, max_seconds=60)
    except AudioError as error:
        return Case(Level(0, 0), others, error)
    note = ""
    if found.incomplete is not None:
        note = f"incomplete: {found.incomplete.seconds:.2f} of {found.incomplete.claimed} s"
    return Case(_level(found.pcm / np.float32(32_768)), others, None, note)


def sounds(data: Path) -> list[Path]:
    """Return the corpus's files of sound, or that claim to be."""
    return [
        path
        for path in sorted(data.rglob("*"))
        if path.is_file() and "audioset" not in path.parts and path.suffix != ".md"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=Path, help="class_labels_indices.csv, for AudioSet's cases")
    arguments = parser.parse_args()
    embedder = in_process("yamnet", None)
    plain = _vector(arguments.data / PLAIN, embedder)
    rows: list[tuple[str, ...]] = [("file", "decoded", "ffmpeg", "libsndfile", "piano", "verdict")]
    wrong = []
    for path in sounds(arguments.data):
        case = compare(path)
        others = [str(level) if level is not None and level.rms else "-" for level in case.others.values()]
        own, like = "-", "-"
        if case.refusal is None:
            own, like = str(case.own), f"{_vector(path, embedder) @ plain:.2f}"
        name = str(path.relative_to(arguments.data))
        rows.append((name, own, *others, like, _verdict(path, case)))
        wrong += [name] if case.differences() else []
    for folder in sorted((arguments.data / "audioset").iterdir()) if arguments.labels else ():
        for features, labels in _builds(folder, arguments.labels):
            name = f"audioset/labels/{labels.name}" if folder.name == "labels" else f"audioset/{folder.name}"
            rows.append((name, "-", "-", "-", "-", _built(features, labels)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if wrong:
        raise SystemExit(f"read otherwise than by others: {', '.join(wrong)}")
    print(f"{len(sounds(arguments.data))} files: none is read otherwise than by others")


def _verdict(path: Path, case: Case) -> str:
    if case.refusal is not None:
        said = f"{case.refusal.code}: {case.refusal}"
    else:
        told = metadata(path)
        title = f"title {title_of(path.name, described(path.name, told))}" if "title" in told else ""
        said = "; ".join(filter(None, ["used", case.note, title]))
    return "; ".join([*(f"DIFFERS: {difference}" for difference in case.differences()), said])


def _vector(path: Path, embedder: LocalEmbedder) -> NDArray[np.floating]:
    windows = list(embed_windows(windows_of([decode(path, max_seconds=60).pcm], SAMPLE_RATE), embedder, tags=False))
    vector = unit(np.concatenate([window.frames.vectors for window in windows]).mean(axis=0))
    assert vector is not None
    return vector


Reader = Callable[[bytes], Iterator[tuple[int, list[Samples]]]]


def _read(path: Path, reader: Reader) -> Level | None:
    """Return what a reader makes of a file: of its first track that sounds, link by link, since neither reads on where
    an Ogg chain changes its rate or channels."""
    content = path.read_bytes()
    if reader is _by_ffmpeg and _misread_by_ffmpeg(content):
        return None
    links = [_mixed_tracks(reader, link) for link in _links(content)]
    found = [next((track for track in tracks if track.any()), None) for tracks in links]
    parts = [track for track in found if track is not None]
    return _level(np.concatenate(parts)) if parts else None


def _mixed_tracks(reader: Reader, content: bytes) -> list[Samples]:
    return [_mixed(parts, rate) for rate, parts in reader(content) if parts]


def _mixed(parts: list[Samples], rate: int) -> Samples:
    channels = np.concatenate(parts, axis=1)
    mean = channels.mean(axis=0)
    powers = np.mean(channels.astype(np.float64) ** 2, axis=1)
    kept = len(channels) * np.mean(mean.astype(np.float64) ** 2) / max(float(powers.sum()), 1e-30)
    if powers.any() and kept < CANCELLED:
        mean = channels[int(np.argmax(powers))] * np.float32(np.sqrt(powers.mean() / powers.max()))
    resampler = av.AudioResampler("flt", layout="mono", rate=SAMPLE_RATE)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(mean[None], np.float32), format="flt", layout="mono")
    frame.sample_rate = rate
    resampled = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in resampled]).astype(np.float32)


def _by_ffmpeg(content: bytes) -> Iterator[tuple[int, list[Samples]]]:
    """Yield each audio track's rate and blocks (c, n), as far as it is decoded."""
    for track in range(16):
        parts: list[Samples] = []
        rate = SAMPLE_RATE
        try:
            with av.open(io.BytesIO(content), metadata_errors="replace") as opened:
                if track >= len(opened.streams.audio):
                    return
                stream = opened.streams.audio[track]
                rate = stream.rate
                planar = av.AudioResampler("fltp")
                for frame in opened.decode(stream):
                    parts += [part.to_ndarray().astype(np.float32) for part in planar.resample(frame)]
        except (av.FFmpegError, ValueError):
            pass  # what was decoded until then is what ffmpeg makes of it
        yield rate, parts


def _by_libsndfile(content: bytes) -> Iterator[tuple[int, list[Samples]]]:
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return
    if len(samples):
        yield rate, [samples.T]


def _misread_by_ffmpeg(content: bytes) -> bool:
    """Whether ffmpeg's libraries (8.1) read noise: RIFX, and fewer valid bits than a sample has in its container."""
    if content[:4] == b"RIFX":
        return True
    extensible = content[:4] == b"RIFF" and content[12:16] == b"fmt " and content[20:22] == b"\xfe\xff"
    return extensible and struct.unpack_from("<H", content, 34) != struct.unpack_from("<H", content, 38)


def _links(content: bytes) -> list[bytes]:
    """Return the links of an Ogg chain of one stream each, by the pages that begin a stream; other files whole."""
    starts = [found.start() for found in re.finditer(rb"OggS\x00[\x02\x06]", content)]
    ends = [*starts[1:], len(content)]
    return [content[begin:end] for begin, end in zip(starts, ends, strict=True)] if starts else [content]


def _level(samples: Samples) -> Level:
    return Level(len(samples) / SAMPLE_RATE, float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))))


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
    return " | ".join([*warnings[:1], *lines[-1:]]).replace(f"{out}/c", "DIR")


if __name__ == "__main__":
    main()
