"""The starter library: about a hundred synthesised clips in twelve families, to try Soundalike without a download.

`python -m launcher.samples DIR` writes it.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from launcher.synthesis.recipes import FAMILIES
from launcher.synthesis.tones import RATE

DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """A clip of the starter library, known by its family and its name."""

    family: str
    name: str

    @property
    def path(self) -> Path:
        """Where it lies, relative to the library."""
        return Path(self.family) / f"{self.name}.wav"

    def pcm(self, seed: int = DEFAULT_SEED) -> NDArray[np.int16]:
        """Make the sound: int16 (n,) at `RATE`; the same seed makes the same samples."""
        maker, settings = FAMILIES[self.family][self.name]
        rng = np.random.default_rng([seed, zlib.crc32(f"{self.family}/{self.name}".encode())])
        return np.asarray(np.round(maker(rng, **settings) * 32767), np.int16)


SAMPLES = tuple(Sample(family, name) for family, clips in FAMILIES.items() for name in clips)


def write(folder: Path, seed: int = DEFAULT_SEED) -> Iterator[tuple[Sample, bool]]:
    """Write the library's clips, one WAV each in a folder per family; returns each with whether it was written.

    Files that exist are left alone. Raises OSError where the folder cannot be written.
    """
    # numpy lets go of the interpreter's lock while it computes.
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from zip(SAMPLES, pool.map(lambda sample: _write_one(sample, folder, seed), SAMPLES), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _write_one(sample: Sample, folder: Path, seed: int) -> bool:
    target = folder / sample.path
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: what is interrupted leaves no half file that would be taken for a whole one.
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(wav(sample.pcm(seed), title=sample.name, genre=sample.family))
    partial.replace(target)
    return True


def wav(pcm: NDArray[np.int16], *, title: str, genre: str) -> bytes:
    """Return a 16-bit mono WAV at `RATE` with title and genre in a LIST INFO chunk."""
    tags = b"".join(_chunk(name, text.encode() + b"\0") for name, text in ((b"INAM", title), (b"IGNR", genre)))
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    body = (
        b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"LIST", b"INFO" + tags) + _chunk(b"data", pcm.astype("<i2").tobytes())
    )
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the clips and say how many; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m launcher.samples", allow_abbrev=False)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write; files that exist are left alone")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="other seeds make other sounds")
    arguments = parser.parse_args(argv)
    folder: Path = arguments.folder
    try:
        written = sum(
            new for _, new in tqdm(write(folder, arguments.seed), total=len(SAMPLES), unit="clip", disable=None)
        )
    except OSError as error:
        sys.stderr.write(f"Cannot write to {folder}: {error.strerror}. Choose another folder.\n")
        return 1
    families = len({sample.family for sample in SAMPLES})
    print(f"{folder}: {written} clips written, {len(SAMPLES) - written} there already, in {families} families")
    return 0


if __name__ == "__main__":
    sys.exit(main())
