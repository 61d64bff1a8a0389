"""The clip: what a catalogue holds and a result shows; and the ids of clips that were cut from files."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

ID_LENGTH = 11
"""Characters of a file's id: a YouTube id's length, 66 bits, so that two files of a million share one never."""


Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of audio that can be recommended.

    item: row number in the catalogue; source: what the clip was cut from; start and end in seconds;
    title: what people are shown; url: plays the clip at its start, where it can be played at all; catalogue: name of
    the one it is of, where several are searched as one; fields: names and values of what its file says of itself.
    """

    item: int
    clip_id: str
    source: str
    start: float
    end: float
    labels: tuple[str, ...]
    title: str
    url: str | None
    catalogue: str = ""
    fields: Fields = ()


def file_id(path: str) -> str:
    """Return the id of a file by its path in the library: 11 characters of base64url(sha256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(path.encode()).digest())[:ID_LENGTH].decode()


def clip_id(path: str, start: float) -> str:
    """Return the id of a file's window that starts at so many seconds, formed as AudioSet's are."""
    return f"{file_id(path)}_{round(start * 1000)}"
