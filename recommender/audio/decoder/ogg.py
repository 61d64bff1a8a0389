"""The links of an Ogg file: streams one after the other, each with headers, rate and channels of its own (RFC 3533)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

_HEADER = struct.Struct("<4sBBqIIIB")
_BEGINS, _ENDS = 2, 4
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_SCANNED = 1 << 16


@dataclass(frozen=True, slots=True)
class Links:
    """starts: byte at which each link begins; whole: whether all pages are there, unharmed, and the last stream is
    ended."""

    starts: tuple[int, ...]
    whole: bool


def links_of(file: BinaryIO) -> Links:
    """Walk the pages of an Ogg file."""
    position = 0
    starts: list[int] = []
    expected: dict[int, int] = {}
    open_streams: set[int] = set()
    whole, beginning = True, False
    while True:
        file.seek(position)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            # A few bytes are a tag or padding behind the last page, unless they begin a page.
            return Links(tuple(starts), whole and not header.startswith(b"OggS") and not open_streams)
        magic, _, flags, _, serial, number, checksum, segments = _HEADER.unpack(header)
        if magic != b"OggS":
            found = _next_page(file, position)
            if found is None:
                return Links(tuple(starts), whole and not open_streams)
            position, whole = found, False
            continue
        table = file.read(segments)
        body = file.read(sum(table))
        if len(table) < segments or len(body) < sum(table):
            return Links(tuple(starts), False)
        if _crc(header[:22] + bytes(4) + header[26:] + table + body) != checksum:
            found = _next_page(file, position + 4)
            if found is None:
                return Links(tuple(starts), False)
            position, whole = found, False
            continue
        if flags & _BEGINS:
            if not beginning:
                starts.append(position)
                whole = whole and not open_streams
                open_streams.clear()
                expected.clear()
            beginning = True
            open_streams.add(serial)
        else:
            beginning = False
            whole = whole and number == expected.get(serial, number)
        expected[serial] = number + 1
        if flags & _ENDS:
            open_streams.discard(serial)
        position += _HEADER.size + segments + len(body)


def _crc(page: bytes) -> int:
    """Ogg's checksum (polynomial 0x04c11db7, highest bit first), by zlib's, which has the bits the other way round."""
    return int(f"{zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF:032b}"[::-1], 2)


def _next_page(file: BinaryIO, position: int) -> int | None:
    """Return where the next page seems to begin."""
    while True:
        file.seek(position)
        block = file.read(_SCANNED)
        found = block.find(b"OggS")
        if found >= 0:
            return position + found
        if len(block) < _SCANNED:
            return None
        position += _SCANNED - 3
