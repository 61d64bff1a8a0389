"""WAV and its kin (RIFF, RIFX, RF64, BW64, Wave64) and CAF: what their headers say of uncompressed sound.

ffmpeg takes samples for as wide as their valid bits and for little-endian: 24 bits in 32 come out as noise, and so does
RIFX. Formats: Microsoft's "Multiple channel audio data and WAVE files", EBU Tech 3306, Apple's "Core Audio Format".
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_UNKNOWN = 0x7FFFF000
"""Writers that do not know the length leave the largest numbers, or none at all."""
_LOOKED_AT = 1 << 20
"""Bytes of the samples by which their place in a wider container is told."""
_CHUNKS = 4096
"""Chunks that are walked over at most."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Uncompressed sound in a file. start: byte of the first sample; present: bytes that are there; claimed: bytes
    that the header speaks of, None where it does not know; width: bytes of a sample with its padding; bits: that count;
    kind: `s`, `u` or `f`, as in the names of ffmpeg's raw formats."""

    start: int
    present: int
    claimed: int | None
    rate: int
    channels: int
    width: int
    bits: int
    kind: str
    big_endian: bool

    @property
    def seconds_claimed(self) -> float | None:
        """Length by the header."""
        return None if self.claimed is None else self.claimed / (self.width * self.channels * self.rate)

    @property
    def misread(self) -> bool:
        """Whether ffmpeg takes these samples for others."""
        padded = self.kind != "f" and self.width != (self.bits + 7) // 8
        return padded or (self.big_endian and (self.width > 1 or self.kind == "f"))

    @property
    def demuxer(self) -> str:
        """Name of ffmpeg's raw format."""
        ending = "" if self.width == 1 else "be" if self.big_endian else "le"
        return f"{self.kind}{8 * self.width}{ending}"


def samples_of(file: BinaryIO) -> Samples | None:
    """Read the header of a file of this family; None for others, compressed sound, and what makes no sense."""
    file.seek(0)
    head = file.read(40)
    try:
        if head[:4] == b"caff":
            return _caf(file)
        if head.startswith(_W64_RIFF):
            return _wave(file, "<", 40, wide=True)
        if head[8:12] == b"WAVE" and head[:4] in {b"RIFF", b"RIFX", b"RF64", b"BW64"}:
            return _wave(file, ">" if head[:4] == b"RIFX" else "<", 12, wide=False)
    except struct.error:
        pass
    return None


def shift_of(file: BinaryIO, samples: Samples) -> int:
    """Return by how many bits samples are to be raised: 0, unless they stand at the low end of a wider container."""
    spare = 8 * samples.width - samples.bits
    return spare if samples.kind == "s" and spare and _place(file, samples) == "low" else 0


def integers(data: bytes, samples: Samples) -> NDArray[np.int64]:
    """Read whole samples as integers (n,)."""
    octets = np.frombuffer(data, np.uint8).reshape(-1, samples.width).astype(np.int64)
    if samples.big_endian:
        octets = octets[:, ::-1]
    values = (octets << (8 * np.arange(samples.width))).sum(axis=1)
    top = 1 << (8 * samples.width - 1)
    result: NDArray[np.int64] = (values ^ top) - top
    return result


def _place(file: BinaryIO, samples: Samples) -> str:
    """Return where samples stand in a wider container: at the `high` end, as the standard has it, with zeros below; at
    the `low` end, where all above is but the sign; or `neither`."""
    values = _values(file, samples)
    if not len(values) or not (values & ((1 << (8 * samples.width - samples.bits)) - 1)).any():
        return "high"
    return "low" if -values.min() <= 1 << (samples.bits - 1) and values.max() < 1 << (samples.bits - 1) else "neither"


def _cool_edits(file: BinaryIO, samples: Samples, extensible: bool) -> Samples:
    """Tell floats that Cool Edit calls 16 or 24-bit PCM, which ffmpeg knows, from integers."""
    if extensible or samples.width != 4 or samples.bits >= 32 or _place(file, samples) != "neither":
        return samples
    return replace(samples, kind="f", bits=32)


def _values(file: BinaryIO, samples: Samples) -> NDArray[np.int64]:
    """Read samples as integers, from the start and from the middle."""
    frame = samples.width * samples.channels
    data = b""
    for offset in (0, samples.present // 2 // frame * frame):
        file.seek(samples.start + offset)
        data += file.read(min(_LOOKED_AT, samples.present - offset) // frame * frame)
    return integers(data, samples)


def _wave(file: BinaryIO, order: str, position: int, *, wide: bool) -> Samples | None:
    size_of_file = file.seek(0, io.SEEK_END)
    form: tuple[int, int, int, int, int] | None = None
    long_size: int | None = None
    extensible = False
    for _ in range(_CHUNKS):
        file.seek(position)
        header = file.read(24 if wide else 8)
        if len(header) < (24 if wide else 8):
            return None
        name = header[:4]
        if wide:
            (size,) = struct.unpack_from("<Q", header, 16)
            size -= 24
        else:
            (size,) = struct.unpack_from(f"{order}I", header, 4)
        position += len(header)
        if name == b"ds64":
            (long_size,) = struct.unpack_from("<Q", file.read(16), 8)
        elif name == b"fmt ":
            chunk = file.read(min(size, 40))
            form, extensible = _format(chunk, order), len(chunk) == 40
        elif name == b"data":
            if long_size is not None and size == 0xFFFFFFFF:
                size = long_size
            known = 0 < size < _UNKNOWN or (long_size is not None or wide)
            found = _checked(form, position, size_of_file, size if known and size >= 0 else None, order == ">")
            return _cool_edits(file, found, extensible) if found is not None else None
        position += size + (-size % 8 if wide else size % 2)
    return None


def _format(chunk: bytes, order: str) -> tuple[int, int, int, int, int]:
    """Return format, channels, rate, bytes of a frame and bits that count."""
    form, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
    if form == _EXTENSIBLE:
        _, valid, _, form = struct.unpack_from(f"{order}HHIH", chunk, 16)
        bits = valid if 0 < valid <= bits else bits
    return form, channels, rate, block, bits


def _checked(
    form: tuple[int, int, int, int, int] | None, start: int, end: int, claimed: int | None, big_endian: bool
) -> Samples | None:
    """Return what a header says if it makes sense."""
    if form is None:
        return None
    kind, channels, rate, block, bits = form
    if kind not in (_PCM, _FLOAT) or not channels or not rate or not block or block % channels:
        return None
    width = block // channels
    if not 0 < bits <= 8 * width or width not in ((1, 2, 3, 4) if kind == _PCM else (4, 8)):
        return None
    present = max(0, end - start)
    letter = "f" if kind == _FLOAT else "u" if width == 1 else "s"
    return Samples(
        start,
        min(present, present if claimed is None else claimed),
        claimed,
        rate,
        channels,
        width,
        bits,
        letter,
        big_endian,
    )


def _caf(file: BinaryIO) -> Samples | None:
    end = file.seek(0, io.SEEK_END)
    position = 8
    form: tuple[int, int, int, int, int] | None = None
    big_endian = True
    for _ in range(_CHUNKS):
        file.seek(position)
        name, size = struct.unpack(">4sq", file.read(12))
        position += 12
        if name == b"desc":
            rate, kind, flags, block, frames, channels, bits = struct.unpack(">d4sIIIII", file.read(32))
            if kind != b"lpcm" or frames != 1 or not 0 < rate < 1e7:
                return None
            big_endian = not flags & 2
            form = (_FLOAT if flags & 1 else _PCM, channels, round(rate), block, bits)
        elif name == b"data":
            found = _checked(form, position + 4, end, None if size < 0 else size - 4, big_endian)
            # One byte each is signed here, and ffmpeg reads both orders of the rest.
            return found if found is not None and found.width > 1 else None
        if size < 0:
            return None
        position += size
    return None
