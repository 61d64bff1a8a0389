"""What a file says of itself, as text."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

LONGEST = 1000
"""Characters kept of one entry: titles are short, lyrics and pictures in base64 are not."""
_ENCODING = "cp1252"
"""What tags that are not UTF-8 are read as: Windows' Latin letters, which hold all of Latin-1's."""
codecs.lookup(_ENCODING)  # now: while a file is decoded no other can be opened, be it this codec's module


def tags_of(*said: Mapping[str, str]) -> dict[str, str]:
    """Return tags under lower-case names; the later win. Bytes that were no UTF-8 come as surrogates."""
    return {_text(name).lower(): _text(text)[:LONGEST] for tags in said for name, text in tags.items()}


def _text(raw: str) -> str:
    if raw.isascii():
        return raw
    octets = raw.encode("utf-8", "surrogateescape")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode(_ENCODING, "replace")
