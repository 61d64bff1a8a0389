"""The words and titles of a library's sources as any database keeps them: numbered blocks of bytes, most of which hold
the words from one to the next in the order of code points, so that a question reads a few of them by their numbers.

Words and what they stand in are those of the catalogue that was pushed: a database finds what a folder finds.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from recommender.catalogue.kept import Kept
from recommender.catalogue.name_index import POSTING, Postings, best
from recommender.errors import CatalogueDamaged
from recommender.spelling import name_words

BLOCK_BYTES = 45_000
"""Before compression: with what zlib adds, and as base64, a block fits the 65,535 characters of Milvus' texts."""
AT_ONCE = 100
"""Blocks that are asked for in one question."""
FOUND_KEPT = 256
"""Texts that were asked for lately: a question asks for its own several times."""
_LAST = "\U0010ffff"

Name = tuple[str, str]
"""A source and its title."""


@dataclass(frozen=True, slots=True)
class NameBlocks:
    """What the blocks are. sources, words: how many there are in all; firsts: the first word of each block of words;
    listed: how many blocks of names come after those."""

    sources: int = 0
    words: int = 0
    firsts: tuple[str, ...] = ()
    listed: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NameBlocks:
        """Read what `asdict` returned; raises KeyError, TypeError or ValueError."""
        return cls(int(data["sources"]), int(data["words"]), tuple(map(str, data["firsts"])), int(data["listed"]))


NO_NAMES = NameBlocks()


def formed(words: Iterable[tuple[str, Postings]], names: Iterable[Name]) -> tuple[NameBlocks, list[bytes]]:
    """Return the blocks of words, with where they stand, and of names."""
    firsts: list[str] = []
    blocks: list[bytes] = []
    sources: set[int] = set()
    total = 0
    for part in _parts(_cut(words), lambda entry: len(entry[0].encode()) + 10 + entry[1].nbytes):
        head = json.dumps([(word, len(postings)) for word, postings in part], ensure_ascii=False)
        blocks.append(zlib.compress(head.encode() + b"\n" + b"".join(postings.tobytes() for _, postings in part)))
        firsts.append(part[0][0])
        for _, postings in part:
            sources.update(postings["item"].tolist())
            total += int(postings["title"].sum(dtype=np.int64) + postings["words"].sum(dtype=np.int64))
    listed = [
        zlib.compress(json.dumps(part, ensure_ascii=False).encode())
        for part in _parts(names, lambda name: len(json.dumps(name, ensure_ascii=False).encode()) + 2)
    ]
    return NameBlocks(len(sources), total, tuple(firsts), len(listed)), [*blocks, *listed]


def _cut(words: Iterable[tuple[str, Postings]]) -> Iterator[tuple[str, Postings]]:
    """Cut what a common word stands in, so that a part fits into a block."""
    most = BLOCK_BYTES // POSTING.itemsize // 2
    for word, postings in words:
        for first in range(0, len(postings), most):
            yield word, postings[first : first + most]


def _parts(entries: Iterable[Any], size_of: Callable[[Any], int]) -> Iterator[list[Any]]:
    part: list[Any] = []
    size = 0
    for entry in entries:
        if part and size + size_of(entry) > BLOCK_BYTES:
            yield part
            part, size = [], 0
        part.append(entry)
        size += size_of(entry)
    if part:
        yield part


class NameReader:
    """Reads blocks; answers as `Catalogue` says. read: returns blocks by their numbers, in this order; shown: the
    catalogue's address, for errors. Safe to use from several threads."""

    def __init__(self, blocks: NameBlocks, read: Callable[[Sequence[int]], Sequence[bytes]], shown: str) -> None:
        self._blocks = blocks
        self._read = read
        self._shown = shown
        self._found: Kept[tuple[str, int], list[int]] = Kept(FOUND_KEPT)

    def named(self, text: str, limit: int) -> list[int]:
        """Return items of sources whose names hold all words of a text, the best first."""
        known = self._found.get((text, limit))
        asked = name_words(text)
        if known is not None or not asked or not self._blocks.sources:
            return known or []
        places = [self._places(word, word) for word in asked[:-1]] + [self._places(asked[-1], asked[-1] + _LAST)]
        read = dict(self._unpacked(sorted({number for some in places for number in some})))
        postings = [
            [found for number in some for there, found in read[number] if there == word]
            for word, some in zip(asked[:-1], places[:-1], strict=True)
        ]
        postings.append([found for number in places[-1] for word, found in read[number] if word.startswith(asked[-1])])
        if not all(postings):
            return self._found.keep((text, limit), [])
        return self._found.keep((text, limit), best(postings, self._blocks.sources, self._blocks.words, limit))

    def check(self) -> None:
        """Read all blocks; raises `CatalogueDamaged`."""
        for _ in self._data(range(len(self._blocks.firsts) + self._blocks.listed)):
            pass

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word and where it stands."""
        each = (entry for _, block in self._unpacked(range(len(self._blocks.firsts))) for entry in block)
        for word, parts in groupby(each, key=itemgetter(0)):
            yield word, np.concatenate([postings for _, postings in parts])

    def names(self) -> list[Name]:
        """Return each source and its title."""
        first = len(self._blocks.firsts)
        found = []
        for _, data in self._data(range(first, first + self._blocks.listed)):
            found += [(str(source), str(title)) for source, title in json.loads(data)]
        return found

    def _places(self, first: str, last: str) -> range:
        """Return the numbers of the blocks that may hold the words from one to another."""
        firsts = self._blocks.firsts
        return range(max(bisect_left(firsts, first) - 1, 0), bisect_right(firsts, last))

    def _unpacked(self, numbers: Sequence[int]) -> Iterator[tuple[int, list[tuple[str, Postings]]]]:
        for number, data in self._data(numbers):
            head, _, rest = data.partition(b"\n")
            counted = json.loads(head)
            edges = np.cumsum([0, *(count for _, count in counted)]).tolist()
            postings = np.frombuffer(rest, POSTING)
            yield number, [(word, postings[edges[n] : edges[n + 1]]) for n, (word, _) in enumerate(counted)]

    def _data(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for first in range(0, len(numbers), AT_ONCE):
            some = numbers[first : first + AT_ONCE]
            blocks = self._read(some)
            try:
                if len(blocks) != len(some):
                    raise ValueError("some are missing")
                read = list(map(zlib.decompress, blocks))
            except (zlib.error, ValueError) as error:
                raise CatalogueDamaged(
                    f"The words of the names in {self._shown} cannot be read ({error}): push the catalogue again."
                ) from None
            yield from zip(some, read, strict=True)
