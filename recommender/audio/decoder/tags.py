"""What a file says of itself, as text."""

from __future__ import annotations

import codecs
import html
import re
import struct
from collections.abc import Mapping
from typing import BinaryIO

LONGEST = 1000
"""Characters kept of one entry: titles are short, lyrics and pictures in base64 are not."""
_ENCODING = "latin-1"
"""What tags that are not UTF-8 are read as: it loses nothing, so that whoever shows them can tell their letters."""
codecs.lookup(_ENCODING)  # now: while a file is decoded no other can be opened, be it this codec's module
_CHUNKS = 1000
_LARGEST_IXML = 1 << 20
_ACID = struct.Struct("<I16xf")
"""Its flags, and the tempo in beats a minute."""
_ONE_SHOT = 1
_LEAF = re.compile(r"<([A-Za-z_][\w:.-]*)>([^<]+)</\1>")


def tags_of(*said: Mapping[str, str]) -> dict[str, str]:
    """Return tags under lower-case names; the later win. Bytes that were no UTF-8 come as surrogates."""
    return {_text(name).lower(): _text(text)[:LONGEST] for tags in said for name, text in tags.items()}


def chunks_of(file: BinaryIO) -> dict[str, str]:
    """Return what ffmpeg does not read of a WAV file: the entries of its iXML chunk (gallery.co.uk/ixml), and the tempo
    of its acid chunk, which loops have."""
    file.seek(0)
    head = file.read(12)
    if head[8:] != b"WAVE" or head[:4] not in {b"RIFF", b"RF64", b"BW64"}:
        return {}
    said: dict[str, str] = {}
    for _ in range(_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        name, size = struct.unpack("<4sI", header)
        end = file.tell() + size + size % 2
        if name == b"iXML":
            text = _text(file.read(min(size, _LARGEST_IXML)).decode("utf-8", "surrogateescape"))
            said |= {name: html.unescape(value).strip() for name, value in _LEAF.findall(text)}
        elif name == b"acid" and len(told := file.read(_ACID.size)) == _ACID.size:
            flags, tempo = _ACID.unpack(told)
            # A one-shot's tempo is whatever the program was set to.
            said |= {} if flags & _ONE_SHOT else {"acid_tempo": f"{tempo:g}"}
        # Beyond 4 GB, chunks behind the sound are not looked for.
        if size == 0xFFFFFFFF:
            break
        file.seek(end)
    return said


def _text(raw: str) -> str:
    if raw.isascii():
        return raw
    octets = raw.encode("utf-8", "surrogateescape")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode(_ENCODING)
