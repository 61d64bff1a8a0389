"""The stretches of a file that are decoded one after the other: mostly one, the file itself."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np

from recommender.audio.decoder import riff
from recommender.audio.decoder.ogg import links_of

_ID3V1_BYTES = 128


class Readable(Protocol):
    """What ffmpeg reads a stretch through."""

    def read(self, size: int) -> bytes: ...

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int: ...

    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch. head: its first bytes; raw: demuxer, rate and channels where ffmpeg is told what the samples are;
    claimed: seconds by the header, where this program has read it; cut: whether the stretch is known not to be whole.
    """

    file: Readable
    head: bytes
    raw: tuple[str, int, int] | None = None
    claimed: float | None = None
    cut: bool = False


def segments_of(file: BinaryIO) -> list[Segment]:
    """Look at the outside of a file, and return its stretches."""
    file.seek(0)
    head = file.read(16)
    if head.startswith(b"OggS"):
        links = links_of(file)
        ends = [*links.starts[1:], file.seek(0, io.SEEK_END)]
        # The first stretch begins with the file: whatever stands before its first page is ffmpeg's to skip.
        return [
            Segment(_Window(file, start, end), head, cut=not links.whole)
            for start, end in zip((0, *links.starts[1:]), ends, strict=True)
        ]
    samples = riff.samples_of(file)
    if samples is None:
        return [Segment(_Window(file, 0, _end_of(file)), head)]
    cut = samples.claimed is not None and samples.present < samples.claimed
    spare = riff.shift_of(file, samples) if samples.present else 0
    if not (samples.misread or spare) or not samples.present:
        block = samples.width * samples.channels
        end = samples.start + samples.present // block * block if cut else file.seek(0, io.SEEK_END)
        whole = _Window(file, 0, end)
        return [Segment(whole, head, claimed=samples.seconds_claimed, cut=cut)]
    window = _Window(file, samples.start, samples.start + samples.present)
    readable = _Raised(window, samples, spare) if spare else window
    raw = (samples.demuxer, samples.rate, samples.channels)
    return [Segment(readable, head, raw, samples.seconds_claimed, cut)]


def _end_of(file: BinaryIO) -> int:
    """Return where a file ends without its ID3v1 tag. What stands behind the last frame must not reach the decoder:
    PyAV 17, Python 3.10's newest, drops the frames of a packet whose remainder cannot be decoded."""
    end = file.seek(0, io.SEEK_END)
    start = max(0, end - _ID3V1_BYTES)
    file.seek(start)
    return start if file.read(3) == b"TAG" else end


class _Window:
    """Some bytes of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file, self._start, self._size = file, start, stop - start
        self._position = 0

    def read(self, size: int) -> bytes:
        self._file.seek(self._start + self._position)
        data = self._file.read(max(0, min(size, self._size - self._position)))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position


class _Raised:
    """Samples at the low end of a wider container, brought to its high end."""

    def __init__(self, window: _Window, samples: riff.Samples, spare: int) -> None:
        self._window, self._samples, self._spare = window, samples, spare

    def read(self, size: int) -> bytes:
        width, position = self._samples.width, self._window.tell()
        before = position % width
        self._window.seek(position - before)
        data = self._window.read(-(-(before + size) // width) * width)
        data = data[: len(data) // width * width]
        values = riff.integers(data, self._samples) << self._spare
        octets = (values[:, None] >> (8 * np.arange(width)) & 0xFF).astype(np.uint8)
        raised = (octets[:, ::-1] if self._samples.big_endian else octets).tobytes()[before : before + size]
        self._window.seek(position + len(raised))
        return raised

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._window.seek(offset, whence)

    def tell(self) -> int:
        return self._window.tell()
