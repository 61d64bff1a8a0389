"""Any audio or video file to mono PCM of an embedder's rate, and what can be said of PCM before it is embedded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE, process
from recommender.audio.wav import wav_bytes
from recommender.errors import CannotRead, Silent, TooShort

__all__ = [
    "Audio",
    "decode",
    "decode_blocks",
    "excerpt",
    "is_silent",
    "metadata",
    "require_audible",
    "sha256_of",
    "warm",
    "wav_bytes",
]

SILENCE_PEAK_TO_PEAK = 12
"""Distance of the highest from the lowest sample, of 65,535, up to which audio counts as silence: -75 dB, which dither
and an offset stay under, and a sound that peaks at -70 dB does not."""
MIN_SECONDS = 0.005
"""The shortest clicks of interfaces last so long; what is shorter is a single pulse, whatever made it."""
_HASH_BYTES = 1 << 20
_WHOLE_BLOCK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A part of a file could not be read. seconds: what was; claimed: what the file's header speaks of, None where it
    does not tell."""

    seconds: float
    claimed: float | None

    @classmethod
    def of(cls, reading: Mapping[str, Any]) -> Incomplete | None:
        """Make one of what the decoder says of its reading; None where all was read."""
        if not reading.get("incomplete"):
            return None
        claimed = reading["claimed"]
        return cls(reading["seconds"], claimed if claimed is not None and claimed > reading["seconds"] else None)

    def __str__(self) -> str:
        claimed = f" of the {self.claimed:.1f} s that the file's header speaks of" if self.claimed else ""
        return f"Only {self.seconds:.1f} s{claimed} could be read: the recording or transfer broke off."


@dataclass(frozen=True, slots=True)
class Audio:
    """Decoded audio. pcm: int16 (n,), mono; incomplete: where a part of the file could not be read."""

    pcm: NDArray[np.int16]
    incomplete: Incomplete | None = None
    rate: int = SAMPLE_RATE

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.pcm) / self.rate

    @property
    def lacking(self) -> str:
        """A sentence where a part of the file could not be read, empty where all was."""
        return "" if self.incomplete is None else str(self.incomplete)


def decode(path: Path, *, max_seconds: float, rate: int = SAMPLE_RATE, timeout: float = 30) -> Audio:
    """Decode a file in a child process, within `timeout` seconds, to `rate` samples a second.

    Raises `CannotRead`, `NotAudio`, `CannotDecode`, `NoSamples`, `Protected`, `TooHigh`, `TooLong` beyond `max_seconds`
    of audio, `TooShort`, `Silent`.
    """
    _require_file(path)
    parts = process.Blocks(
        path,
        rate=rate,
        block=_WHOLE_BLOCK_SECONDS * rate,
        limit=int(max_seconds * rate),
        timeout=timeout,
        whole=True,
    )
    pcm = np.frombuffer(b"".join(parts), np.int16)
    require_audible(pcm, rate)
    return Audio(pcm, Incomplete.of(parts.reading), rate)


class Blocks(Iterator[NDArray[np.int16]]):
    """A file of any length decoded to blocks, int16 (n,) each; the last may be shorter, or silent."""

    def __init__(self, parts: process.Blocks) -> None:
        self._parts = parts
        self._blocks = iter(parts)

    def __next__(self) -> NDArray[np.int16]:
        return np.frombuffer(next(self._blocks), np.int16)

    def close(self) -> None:
        """End the decoding before its time."""
        self._blocks.close()

    @property
    def loudness(self) -> float | None:
        """In LUFS; known when all blocks are there, None where there is nothing to measure."""
        found: float | None = self._parts.reading.get("loudness")
        return found

    @property
    def incomplete(self) -> Incomplete | None:
        """Where a part of the file could not be read; known when all blocks are there."""
        return Incomplete.of(self._parts.reading)


def decode_blocks(path: Path, *, block_seconds: float, rate: int = SAMPLE_RATE, timeout: float = 30) -> Blocks:
    """Decode a file of any length to blocks of `block_seconds` at a rate. timeout: seconds for each block.

    The blocks raise as `decode` does, but for `TooLong`, `TooShort` and `Silent`.
    """
    _require_file(path)
    block = max(1, round(block_seconds * rate))
    return Blocks(process.Blocks(path, rate=rate, block=block, limit=None, timeout=timeout, whole=False))


def excerpt(path: Path, start: float, end: float, *, timeout: float = 30) -> bytes:
    """Return the seconds from start to end as a 16-bit WAV file in the file's own rate, up to 48 kHz, and up to stereo.

    Holds no samples where the file ends before. timeout: seconds. Raises `CannotRead`, `NotAudio`, `CannotDecode`.
    """
    _require_file(path)
    return process.excerpt(path, start, end, timeout=timeout)


def metadata(path: Path, *, timeout: float = 30) -> dict[str, str]:
    """Return what a file says of itself (title, artist, genre, …), under lower-case names.

    timeout: seconds. Raises `CannotRead`, `NotAudio`, `CannotDecode`.
    """
    _require_file(path)
    return process.metadata(path, timeout=timeout)


def warm() -> None:
    """Start the decoder's child process ahead of the first file."""
    process.warm()


def require_audible(pcm: NDArray[np.int16], rate: int = SAMPLE_RATE) -> None:
    """Raise `TooShort` or `Silent` where PCM (n,) of a rate holds nothing that can be embedded."""
    if len(pcm) < MIN_SECONDS * rate:
        raise TooShort(f"This audio lasts {1000 * len(pcm) / rate:.1f} ms: send at least {1000 * MIN_SECONDS:g} ms.")
    if is_silent(pcm):
        raise Silent("This audio is silent: check the recording's level, or send another part of it.")


def is_silent(pcm: NDArray[np.int16]) -> bool:
    """Say whether PCM (n,) stays within `SILENCE_PEAK_TO_PEAK`."""
    return not len(pcm) or int(pcm.max()) - int(pcm.min()) <= SILENCE_PEAK_TO_PEAK


def sha256_of(path: Path) -> str:
    """Hash a file's bytes; returns hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise CannotRead(f"There is no file {path.name}: check the path.")
