"""TFRecord files: records with two checksums each, split by hand so that damage can be told with its offset."""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import google_crc32c

PIECE_BYTES = 4 << 20
"""What is read of a file at a time; Google's largest shard has 1.5 MB."""
READ_BYTES = 64 << 10
LARGEST_RECORD_BYTES = 64 << 20
"""A length beyond this is damage, not a record: AudioSet's have 1.5 kB."""
UNREADABLE = (OSError, EOFError, tarfile.TarError, zlib.error)
"""What a broken disk and a broken archive raise while they are read."""
HEADER_BYTES = 12
FOOTER_BYTES = 4

_KINDS: dict[tuple[bytes, ...], str] = {
    (b"\x1f\x8b",): "the shard is compressed with gzip: unpack it with gunzip",
    (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"): "the shard is compressed with zlib: write it without",
    (b"<", b"\n<"): "it is a web page, not a shard: fetch it again",
    (b"version https://git-lfs",): "it is a pointer of Git LFS, not a shard: fetch it with git lfs pull",
}
_MASK_DELTA = 0xA282EAD8
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Damage:
    """A place in a file that could not be read. offset: in bytes; rest_lost: what follows in the file is lost too."""

    file: str
    offset: int
    reason: str
    rest_lost: bool


@dataclass(frozen=True, slots=True)
class RecordPiece:
    """Some consecutive records of a file, as bytes; offset: where they begin in the file."""

    file: str
    offset: int
    data: bytes


def masked_crc(data: bytes) -> int:
    """Return the CRC32C of bytes as TFRecord masks it: rotated right by 15 bits, plus 0xa282ead8."""
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def pieces(file: str, stream: IO[bytes]) -> Iterator[RecordPiece]:
    """Read a file of any size in pieces that end where a record ends; where reading fails, what came before is given
    first."""
    offset, rest = 0, b""
    while True:
        block, failure = _block(stream)
        data = rest + block if rest else block
        if failure is not None:
            whole = data[: _whole_records(data)]
            if whole:
                yield RecordPiece(file, offset, whole)
            raise failure
        # A short read is the last one.
        end = _whole_records(data) if len(block) == PIECE_BYTES else None
        if end is None:
            # The end of the file, or damage: whatever is left goes as it is, and `records` says what is wrong.
            if data:
                yield RecordPiece(file, offset, data)
            return
        if end:
            yield RecordPiece(file, offset, data[:end])
        offset, rest = offset + end, data[end:]


def records(piece: RecordPiece) -> Iterator[tuple[int, bytes] | Damage]:
    """Split a piece into records with their offsets in the file; both checksums of each are compared."""
    data, place, size = piece.data, 0, len(piece.data)
    crc_at = _CRC.unpack_from
    # Records are of few lengths: each header need be checked once.
    lengths: dict[bytes, int] = {}
    while place < size:
        start = place + HEADER_BYTES
        if start > size:
            yield Damage(piece.file, piece.offset + place, "the file ends within a record's header", True)
            return
        header = data[place:start]
        length = lengths.get(header)
        if length is None:
            if masked_crc(header[:8]) != crc_at(header, 8)[0]:
                reason = _known_kind(data) if piece.offset + place == 0 else None
                reason = reason or "the checksum of a record's length is wrong"
                yield Damage(piece.file, piece.offset + place, reason, True)
                return
            (length,) = _LENGTH.unpack_from(header)
            lengths[header] = length
        end = start + length
        if end + FOOTER_BYTES > size:
            yield Damage(piece.file, piece.offset + place, "the file ends within a record", True)
            return
        record = data[start:end]
        if masked_crc(record) == crc_at(data, end)[0]:
            yield piece.offset + place, record
        else:
            yield Damage(piece.file, piece.offset + place, "the checksum of a record is wrong", False)
        place = end + FOOTER_BYTES


def _known_kind(data: bytes) -> str | None:
    """Say what a file is that is no TFRecord file, by how it begins."""
    for beginnings, kind in _KINDS.items():
        if data.startswith(beginnings):
            return kind
    return None


def _block(stream: IO[bytes]) -> tuple[bytes, Exception | None]:
    """Read up to a piece, and the error that ended it. Streams lose what they have read of a call that fails."""
    parts: list[bytes] = []
    left = PIECE_BYTES
    try:
        while left and (part := stream.read(min(left, READ_BYTES))):
            parts.append(part)
            left -= len(part)
    except UNREADABLE as error:
        return b"".join(parts), error
    return b"".join(parts), None


def _whole_records(data: bytes) -> int | None:
    """Return where the last whole record ends; None where a length cannot be true."""
    place, size = 0, len(data)
    while place + HEADER_BYTES <= size:
        (length,) = _LENGTH.unpack_from(data, place)
        if length > LARGEST_RECORD_BYTES:
            return None
        end = place + HEADER_BYTES + length + FOOTER_BYTES
        if end > size:
            break
        place = end
    return place
