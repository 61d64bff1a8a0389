"""Several catalogues as one: `CATALOGUE=FOLDER,postgresql://…` names them, and each keeps its files, table and index.

Each has a name: that of the library's folder, `AudioSet`, or what its place is called. Clips of files have it before
their paths and ids, `SFX/Doors/slam.wav`, since two libraries may hold the same path. Items of what was built follow
one another; those of additions come after all of them, taken in turns, so that an item stays while others grow.

All are of one embedder's space, pooled and projected alike. Each is centred by its own mean, and a query is compared
in each as it is: of ESC-10 in two parts, 91 to 96 % of the ten nearest are those of one catalogue of all, and the share
with the query's label is .89 to .94 where that has .93.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, repeat, zip_longest
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np

from recommender.catalogue import locations, open_catalogue, read_facts
from recommender.catalogue.base import TIE_DECIMALS, Catalogue, Facts, Hit, Items, Vectors
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.links import FILES
from recommender.catalogue.name_index import Postings
from recommender.catalogue.together import facts_of, names_of, require_alike, union
from recommender.clips import Clip
from recommender.errors import NoCatalogue, UnknownClip
from recommender.spelling import as_typed, closest, shortened

_T = TypeVar("_T")
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Part:
    """One of the catalogues. first: item of its first clip; files: whether its clips are of files."""

    name: str
    catalogue: Catalogue
    first: int

    @property
    def files(self) -> bool:
        """Whether its clips are of files, whose names may stand in another catalogue, too."""
        return bool(self.catalogue.facts.extra.get("links") == FILES)

    def outward(self, name: str) -> str:
        """Return how a source or a clip id of this catalogue is called among all."""
        return f"{self.name}/{name}" if self.files else name

    def inward(self, name: str) -> str | None:
        """Return a source or a clip id without the catalogue's name, None where it has another's or none."""
        head, slash, rest = name.partition("/")
        return rest if slash and head.casefold() == self.name.casefold() else None


class MergedCatalogue(Catalogue):
    """Catalogues that are searched together, opened by `MergedCatalogue.open`."""

    def __init__(self, parts: Mapping[str, Catalogue]) -> None:
        firsts = np.cumsum([0, *(len(catalogue) for catalogue in parts.values())]).tolist()
        self._parts = tuple(Part(name, one, first) for (name, one), first in zip(parts.items(), firsts, strict=False))
        self._firsts = np.array(firsts[:-1], np.int64)
        self._total = firsts[-1]
        self.location = ",".join(part.catalogue.location for part in self._parts)
        self.identity = tuple(part.catalogue.identity for part in self._parts)
        self._known: tuple[str, dict[str, int], dict[str, str]] | None = None
        self.vocabulary = union([part.catalogue.vocabulary for part in self._parts], self._spelling)
        self.facts = facts_of(parts, len(self.label_counts()))

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> MergedCatalogue:
        """Open all; raises what each of them raises, and `NoCatalogue` for those that cannot be searched together.

        library_url: with the library's name behind it where there are several libraries.
        """
        places = locations(location)
        facts = [read_facts(place) for place in places]
        names = names_of(places, facts)
        require_alike(dict(zip(names, facts, strict=True)))
        files: dict[str, str] = {}
        for name, each in zip(names, facts, strict=True):
            if each.extra.get("links") == FILES and files.setdefault(each.id, name) != name:
                raise NoCatalogue(f"{files[each.id]} is in CATALOGUE twice: name it once, or each result stands twice.")
        libraries = sum(each.extra.get("links") == FILES for each in facts)
        urls = [
            f"{library_url.rstrip('/')}/{quote(n)}" if library_url and libraries > 1 else library_url for n in names
        ]
        opened: dict[str, Catalogue] = {}
        try:
            for name, place, url in zip(names, places, urls, strict=True):
                opened[name] = open_catalogue(place, url)
            return cls(opened)
        except BaseException:
            for catalogue in opened.values():
                catalogue.close()
            raise

    @classmethod
    def read_facts(cls, location: str | Path) -> Facts:
        """Return what all say together; labels that several have are counted once, for which all are opened."""
        catalogue = cls.open(location)
        try:
            return catalogue.facts
        finally:
            catalogue.close()

    @cached_property
    def members(self) -> Mapping[str, Catalogue]:
        """The catalogues by name."""
        return {part.name: part.catalogue for part in self._parts}

    def member_of(self, clip: Clip) -> tuple[Catalogue, Clip]:
        """Return a clip's catalogue, and the clip as it stands there."""
        part, item = self._part_of(clip.item)
        clip_id, source = (part.inward(name) or name for name in (clip.clip_id, clip.source))
        return part.catalogue, replace(clip, item=item, clip_id=clip_id, source=source, catalogue="")

    @property
    def measures(self) -> frozenset[str]:
        """What files of any tell in numbers."""
        return frozenset().union(*(part.catalogue.measures for part in self._parts))

    @property
    def version(self) -> str:
        """Changes with whatever is added to one of them."""
        versions = [part.catalogue.version for part in self._parts]
        return ",".join(versions) if any(versions) else ""

    def nearest(
        self,
        queries: Sequence[Vectors] | Vectors,
        count: int,
        *,
        chosen: Filter = EVERYTHING,
        without: frozenset[str] = frozenset(),
        sure: int | None = None,
        distinct: bool = True,
    ) -> list[list[Hit]]:
        """Ask each, and merge by similarity; a video that several have stands once."""
        merged: list[list[Hit]] = [[] for _ in queries]
        for part in self._parts:
            if chosen.within and part.name not in chosen.within:
                continue
            if not chosen.measures <= part.catalogue.measures:
                continue
            own = {part.inward(source) if part.files else source for source in without}
            found = part.catalogue.nearest(
                queries,
                count,
                chosen=self._inward(part, chosen),
                without=frozenset(source for source in own if source),
                sure=sure,
                distinct=distinct,
            )
            for hits, more in zip(merged, found, strict=True):
                hits += [Hit(self._outward(part, h.item), part.outward(h.source), h.similarity) for h in more]
        return [_best(hits, count, distinct) for hits in merged]

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        own: dict[str, list[int]] = {}
        for item in items:
            part, number = self._part_of(item)
            own.setdefault(part.name, []).append(number)
        found = {}
        for part in self._parts:
            for clip in part.catalogue.clips(own[part.name]) if part.name in own else ():
                found[self._outward(part, clip.item)] = self._clip(part, clip)
        return [found[item] for item in items if item in found]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items."""
        numbers = np.asarray(items, np.int64)
        places = np.searchsorted(self._firsts, numbers, side="right") - 1
        own = numbers - self._firsts[places]
        beyond = numbers >= self._total
        if beyond.any():
            turns, places[beyond] = np.divmod(numbers[beyond] - self._total, len(self._parts))
            own[beyond] = turns + np.array([len(part.catalogue) for part in self._parts])[places[beyond]]
        rows = np.zeros((len(numbers), self.facts.dimension), np.float32)
        for place, part in enumerate(self._parts):
            if (mine := places == place).any():
                rows[mine] = part.catalogue.vectors_of(own[mine])
        return rows

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id, of the first catalogue that has it."""
        return next(self._everywhere(clip_id, lambda catalogue, name: catalogue.item_of(name)), None)

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips."""
        clips = [
            (self._outward(part, item), start, end)
            for part in self._parts
            if (own := part.inward(source) if part.files else source) is not None
            for item, start, end in part.catalogue.clips_of(own)
        ]
        return sorted(clips, key=lambda clip: (clip[1], clip[0]))

    def ids_near(self, clip_id: str) -> list[str]:
        """Return clip ids that stand beside a text in any of them."""
        return [part.outward(each) for part in self._parts for each in part.catalogue.ids_near(clip_id)]

    def ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""
        return [part.outward(each) for part in self._parts for each in part.catalogue.ids_of(sources)]

    def named(self, text: str, limit: int) -> list[int]:
        """Return items whose names hold all words of a text, of each catalogue in turns."""
        found = [[self._outward(part, item) for item in part.catalogue.named(text, limit)] for part in self._parts]
        return _in_turns(found)[:limit]

    def label_counts(self) -> Mapping[str, int]:
        """Return how many clips have each label; one that is spelt in several ways counts as the first spells it."""
        return self._labels()[0]

    def draw(self, label: str | None = None) -> int | None:
        """Return an item at random: of each catalogue as often as it has such clips."""
        weights = [
            len(part.catalogue)
            if label is None
            else sum(part.catalogue.label_counts().get(own, 0) for own in self._own_labels(part, label))
            for part in self._parts
        ]
        if not any(weights):
            return None
        (part,) = _random.choices(self._parts, weights)
        names = [None] if label is None else [*self._own_labels(part, label)]
        drawn = next((item for name in names if (item := part.catalogue.draw(name)) is not None), None)
        return None if drawn is None else self._outward(part, drawn)

    def names(self) -> Iterable[tuple[str, str]]:
        """Return each source and its title."""
        return ((part.outward(source), title) for part in self._parts for source, title in part.catalogue.names())

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word by which sources are found, and where it stands in each catalogue."""
        each = [zip(part.catalogue.words(), repeat(part.first)) for part in self._parts]
        for word, several in groupby(heapq.merge(*each, key=_word), key=_word):
            moved = []
            for (_, found), first in several:
                found["item"] += first
                moved.append(found)
            yield word, np.concatenate(moved)

    def copies(self, source: str) -> int:
        """Say how many files hold the recording of a source."""
        own = [(part, part.inward(source) if part.files else source) for part in self._parts]
        return max((part.catalogue.copies(name) for part, name in own if name is not None), default=1)

    def clip(self, name: str) -> Clip:
        """Find a clip by any of its names; raises `UnknownClip`, also for a name that several catalogues have."""
        found = next(filter(None, map(self._all, as_typed(name.strip()))), [])
        if len(found) > 1:
            clips = self.clips(found)
            near = tuple(clip.clip_id for clip in clips)
            where = " and in ".join(clip.catalogue for clip in clips)
            raise UnknownClip(f"{shortened(name)} is in {where}: say which, as in {clips[0].source}.", near)
        return super().clip(name)

    def identity_now(self) -> object:
        """Return the identities of what stands at each place now."""
        return tuple(part.catalogue.identity_now() for part in self._parts)

    def reopen(self) -> MergedCatalogue:
        """Open anew what was rebuilt; the others stay as they are."""
        parts = {part.name: part.catalogue for part in self._parts}
        anew: list[Catalogue] = []
        try:
            for name, catalogue in parts.items():
                if catalogue.identity_now() != catalogue.identity:
                    anew.append(catalogue.reopen())
                    parts[name] = anew[-1]
            require_alike({name: catalogue.facts for name, catalogue in parts.items()})
            return MergedCatalogue(parts)
        except BaseException:
            for catalogue in anew:
                catalogue.close()
            raise

    def still_whole(self) -> None:
        """Raise a `CatalogueError` where one of them can no longer be asked: no answer leaves one out unsaid."""
        for part in self._parts:
            part.catalogue.still_whole()

    def warm(self) -> None:
        """Ask each some queries."""
        for part in self._parts:
            part.catalogue.warm()

    def verify(self) -> str:
        """Read and compare all of each."""
        found = "; ".join(f"{part.name}: {part.catalogue.verify()}" for part in self._parts)
        return f"{len(self):,} clips ({found})"

    def describe(self) -> dict[str, Any]:
        """Return what each says of itself."""
        return {"catalogues": {part.name: _described(part.catalogue) for part in self._parts}}

    def close(self) -> None:
        """Close each."""
        for part in self._parts:
            part.catalogue.close()

    def _find(self, name: str) -> int | None:
        return super()._find(name) if name.startswith("#") else next(iter(self._all(name)), None)

    def _all(self, name: str) -> list[int]:
        """Return an item of each catalogue that has a clip of this name; of videos the first alone, which are one."""
        found: dict[str, int] = {}
        for item in () if name.startswith("#") else self._everywhere(name, lambda one, own: one._find(own)):
            part, _ = self._part_of(item)
            found.setdefault(part.name if part.files else "", item)
        return list(found.values())

    def _everywhere(self, name: str, ask: Callable[[Catalogue, str], int | None]) -> Iterator[int]:
        """Ask for a name with a catalogue's before it in that one, for any other in all of them."""
        named = [(part, own) for part in self._parts if (own := part.inward(name)) is not None]
        for asked in (named, [(part, name) for part in self._parts]):
            found = [self._outward(part, item) for part, own in asked if (item := ask(part.catalogue, own)) is not None]
            if found:
                yield from found
                return

    def _close_ids(self, name: str) -> tuple[str, ...]:
        near: list[tuple[str, str]] = []
        for part in self._parts:
            own = part.inward(name)
            for each in part.catalogue._close_ids(name if own is None else own):
                near += [(part.outward(each), spelling) for spelling in (each, part.outward(each))]
        return closest(name, near)

    def _part_of(self, item: int) -> tuple[Part, int]:
        if item < self._total:
            part = self._parts[bisect_right(self._parts, item, key=lambda part: part.first) - 1]
            return part, item - part.first
        turns, place = divmod(item - self._total, len(self._parts))
        part = self._parts[place]
        return part, len(part.catalogue) + turns

    def _outward(self, part: Part, item: int) -> int:
        beyond = item - len(part.catalogue)
        if beyond < 0:
            return part.first + item
        return int(self._total + beyond * len(self._parts) + self._parts.index(part))

    def _clip(self, part: Part, clip: Clip) -> Clip:
        spelling = self._spelling()
        return replace(
            clip,
            item=self._outward(part, clip.item),
            clip_id=part.outward(clip.clip_id),
            source=part.outward(clip.source),
            labels=tuple(spelling.get(label.casefold(), label) for label in clip.labels),
            catalogue=part.name,
        )

    def _labels(self) -> tuple[dict[str, int], dict[str, str]]:
        """Return clips by label, and the spelling of each label by its small letters."""
        version = self.version
        if self._known is None or self._known[0] != version:
            spelling: dict[str, str] = {}
            counts: Counter[str] = Counter()
            for part in self._parts:
                for label, clips in part.catalogue.label_counts().items():
                    counts[spelling.setdefault(label.casefold(), label)] += clips
            self._known = version, dict(counts), spelling
        return self._known[1:]

    def _spelling(self) -> dict[str, str]:
        return self._labels()[1]

    def _own_labels(self, part: Part, label: str) -> tuple[str, ...]:
        """Return a label as one catalogue spells it."""
        counts = part.catalogue.label_counts()
        if label in counts:
            return (label,)
        return tuple(own for own in counts if own.casefold() == label.casefold()) or (label,)

    def _inward(self, part: Part, chosen: Filter) -> Filter:
        only = (tuple(own for label in group for own in self._own_labels(part, label)) for group in chosen.only)
        without = (own for label in chosen.without for own in self._own_labels(part, label))
        return replace(chosen, only=tuple(only), without=tuple(without), within=())


def _word(entry: tuple[tuple[str, Postings], int]) -> str:
    return entry[0][0]


def _described(catalogue: Catalogue) -> dict[str, Any]:
    facts = catalogue.facts
    return {"location": catalogue.location, "id": facts.id, "clips": facts.clips, "built": facts.built}


def _best(hits: Sequence[Hit], count: int, distinct: bool) -> list[Hit]:
    first: dict[object, Hit] = {}
    for hit in sorted(hits, key=lambda hit: (-round(hit.similarity, TIE_DECIMALS), hit.item)):
        first.setdefault(hit.source if distinct else hit.item, hit)
    return list(first.values())[:count]


def _in_turns(several: Sequence[Sequence[_T]]) -> list[_T]:
    return [each for row in zip_longest(*several) for each in row if each is not None]
