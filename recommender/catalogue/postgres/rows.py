"""Clips as COPY takes them in its binary form (PostgreSQL's manual, "COPY: Binary Format")."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import numpy as np

from recommender.catalogue.base import Vectors
from recommender.catalogue.links import link_of
from recommender.catalogue.measures import MEASURES, number_of
from recommender.catalogue.postgres.tables import COPIED
from recommender.clips import Clip, Fields

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_HEAD = struct.Struct(">hiiididid")
_DOUBLE = struct.Struct(">id")
_LENGTH = struct.Struct(">i")
_NOTHING = _LENGTH.pack(-1)
_INTEGER = 23
"""The oid of PostgreSQL's integer."""


class Rows:
    """Forms rows in the order of `COPIED`, and numbers labels as they come. links: the catalogue's kind of links, which
    need not be kept for each clip."""

    def __init__(self, links: str | None, numbers: dict[str, int]) -> None:
        self._links = links
        self._numbers = numbers
        self._written: dict[tuple[str, ...], bytes] = {}
        self._told: dict[Fields, bytes] = {}

    def block(self, clips: Sequence[Clip], vectors: Vectors, lengths: Sequence[float] | None) -> bytes:
        """Return the rows of some clips."""
        floats = vectors.astype(">f4").tobytes()
        size = 4 * vectors.shape[1]
        head = _LENGTH.pack(size + 4) + struct.pack(">hh", vectors.shape[1], 0)
        searchable: list[bool] = np.any(vectors, axis=1).tolist()
        parts: list[bytes] = []
        spans: dict[str, tuple[float, float]] = {}
        for clip in clips:
            start, end = spans.get(clip.source, (clip.start, clip.end))
            spans[clip.source] = min(start, clip.start), max(end, clip.end)
        for row, clip in enumerate(clips):
            start, end = spans[clip.source]
            parts += (
                _HEAD.pack(len(COPIED), 4, clip.item, 8, clip.start, 8, clip.end, 8, end - start),
                _NOTHING if lengths is None else _DOUBLE.pack(8, lengths[row]),
                _text(clip.clip_id),
                _text(clip.source),
                self._labels(clip.labels),
                _NOTHING if clip.title == clip.source else _text(clip.title),
                self._url(clip),
                self._fields(clip.fields),
            )
            parts += (head, floats[row * size : (row + 1) * size]) if searchable[row] else (_NOTHING,)
        return b"".join(parts)

    def _url(self, clip: Clip) -> bytes:
        known = link_of(self._links, None, clip.source, clip.start, clip.end)
        return _NOTHING if clip.url is None or clip.url == known else _text(clip.url)

    def _fields(self, fields: Fields) -> bytes:
        """Return what a file tells, and the numbers by which it is compared; the clips of a file follow one another."""
        if fields not in self._told:
            told = dict(fields)
            numbers = [number_of(name, told.get(name, "")) for name in MEASURES]
            written = [_NOTHING if number is None else _DOUBLE.pack(8, number) for number in numbers]
            self._told = {fields: b"".join((_text(json.dumps(fields)) if fields else _NOTHING, *written))}
        return self._told[fields]

    def _labels(self, labels: tuple[str, ...]) -> bytes:
        written = self._written.get(labels)
        if written is None:
            numbers = [self._numbers.setdefault(label, len(self._numbers)) for label in labels]
            written = self._written[labels] = _array([_LENGTH.pack(number) for number in numbers])
        return written


def _array(values: Sequence[bytes]) -> bytes:
    shape = struct.pack(">iiiii", 1, 0, _INTEGER, len(values), 1) if values else struct.pack(">iii", 0, 0, _INTEGER)
    body = shape + b"".join(_LENGTH.pack(len(value)) + value for value in values)
    return _LENGTH.pack(len(body)) + body


def _text(text: str) -> bytes:
    # PostgreSQL knows no zero in a text.
    data = text.replace("\0", "\ufffd").encode()
    return _LENGTH.pack(len(data)) + data
