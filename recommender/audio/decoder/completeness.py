"""Whether all of a file's sound was read: what its header claims, and what was lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_TRUSTED = frozenset(
    {
        "wav",
        "w64",
        "caf",
        "flac",
        "matroska",
        "mov",
        "aiff",
        "au",
        "asf",
        "avi",
        "mxf",
        "flv",
        "wv",
        "tta",
        "ape",
        "nut",
    }
)
"""Demuxers whose duration is what the header claims; that of others is guessed from the file's size."""
_WHOLE_CONTAINER = frozenset({"matroska", "flv", "asf"})
"""These tell the length of the whole, which pictures may outlast the sound in."""
_XING = (b"Xing", b"Info", b"VBRI")
_TOLERANCE_SECONDS = 0.12
"""Delay and padding of lossy encoders: three frames of AAC."""
_EXACT_SECONDS = 0.002
_EXACT = frozenset({"flac", "wv", "tta", "aiff", "au"})
_LOST_SECONDS = 0.02
"""A gap within the sound from which on it is told: a frame of most codecs."""
_TOO_HIGH = 1e-4
"""Share of the power, -40 dB, that is left below 8 kHz where all sound lies above: what filters and edges leave."""
_AUDIBLE = 1e-8
"""Power, -80 dB, of what may count as sound."""


@dataclass(slots=True)
class Reading:
    """What became of a file while it was decoded. seconds: of sound that was read; claimed: by the headers, None where
    they do not know; lost: seconds of packets that could not be decoded between others that could; cut: whether the
    file is known to break off; measures: whether the loudness of what is read is to be measured; loudness: in LUFS,
    None where there is none."""

    seconds: float = 0.0
    claimed: float | None = 0.0
    lost: float = 0.0
    cut: bool = False
    exact: bool = True
    measures: bool = False
    loudness: float | None = None

    def claims(self, seconds: float | None, exact: bool) -> None:
        """Note what the header of the next stretch claims."""
        self.claimed = None if seconds is None or self.claimed is None else self.claimed + seconds
        self.exact = self.exact and exact

    @property
    def incomplete(self) -> bool:
        """Whether a part of the sound was not read."""
        tolerance = _EXACT_SECONDS if self.exact else _TOLERANCE_SECONDS
        short = self.claimed is not None and self.seconds + tolerance < self.claimed
        return self.cut or short or self.lost >= _LOST_SECONDS


def claimed_seconds(container: Any, stream: Any, file: Any) -> tuple[float | None, bool]:
    """Return the length that a container's header claims for a stream, None where it does not know; and whether that is
    exact to the sample."""
    names = frozenset(container.format.name.split(","))
    if "mp3" in names:
        return (_length(stream) if _has_xing(file) else None), False
    if not names & _TRUSTED:
        return None, False
    if names & _WHOLE_CONTAINER:
        alone = not container.streams.video and len(container.streams.audio) == 1
        seconds = container.duration / 1e6 if alone and container.duration else None
        return seconds, False
    return _length(stream), bool(names & _EXACT)


def _length(stream: Any) -> float | None:
    return float(stream.duration * stream.time_base) if stream.duration else None


def _has_xing(file: BinaryIO) -> bool:
    """Say whether an MP3 file's first frame tells the number of frames."""
    position = file.tell()
    file.seek(0)
    head = file.read(10)
    tag = 0
    if head.startswith(b"ID3") and len(head) == 10:
        tag = 10 + sum((octet & 0x7F) << shift for octet, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(tag)
    frame = file.read(4096)
    file.seek(position)
    return any(name in frame for name in _XING)


@dataclass(slots=True)
class Meter:
    """Power of a signal about its mean."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Count samples (n,) in, and pass them on."""
        self.count += len(samples)
        self.total += float(samples.sum(dtype=np.float64))
        self.squares += float(np.square(samples, dtype=np.float64).sum())
        return samples

    @property
    def power(self) -> float:
        """Mean square about the mean."""
        return max(0.0, self.squares / self.count - (self.total / self.count) ** 2) if self.count else 0.0


def too_high(before: Meter, after: Meter) -> bool:
    """Say whether resampling has left nothing of a sound: all of it lies above half the new rate."""
    return before.power > _AUDIBLE and after.power < _TOO_HIGH * before.power
