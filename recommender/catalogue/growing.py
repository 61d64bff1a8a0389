"""What was added to a catalogue since it was built: some clips, compared one by one beside the index.

An entry is what is kept of an addition, in a file or in a table: path, sha256, space, preparation, title, labels, and
for each window its number, start, end, and the features as base64 of float32, which outlast a change of the recipe.
"""

from __future__ import annotations

import base64
import random
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from recommender.audio.preparation import PLAIN
from recommender.catalogue.base import TIE_DECIMALS, Addition, Catalogue, Facts, Hit, Items, Vectors
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.links import FILES, link_of
from recommender.catalogue.name_index import Postings
from recommender.clips import Clip, clip_id
from recommender.spelling import indexed_words, name_words
from recommender.vectors import unit_rows

_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Added:
    """Clips beside a catalogue. Their items follow the catalogue's; vectors: float32 (n, d) of unit length; version:
    changes with whatever is added; sources: by the sha256 of what was added."""

    clips: tuple[Clip, ...]
    vectors: Vectors
    version: str
    sources: Mapping[str, str] = field(default_factory=dict)


NOTHING = Added((), np.empty((0, 0), np.float32), "")


def entry_of(addition: Addition, facts: Facts, number: int) -> dict[str, Any]:
    """Return what is kept of an addition whose first window has this number."""
    return {
        "path": addition.source,
        "sha256": addition.sha256,
        "space": facts.space,
        "preparation": facts.recipe.prepared,
        "title": addition.title,
        "labels": list(addition.labels),
        "windows": [
            {
                "number": number + place,
                "start": start,
                "end": end,
                "vector": base64.b64encode(row.astype("<f4").tobytes()).decode(),
            }
            for place, ((start, end), row) in enumerate(zip(addition.windows, addition.features, strict=True))
        ],
    }


def added_of(
    entries: Iterable[Mapping[str, Any]],
    facts: Facts,
    library_url: str | None,
    knows: Callable[[str], bool],
    version: str,
) -> Added:
    """Read entries. knows: whether the catalogue holds a source by now, so that it need not be searched beside it."""
    clips: list[Clip] = []
    rows: list[Vectors] = []
    sources = {}
    for entry in entries:
        path = entry["path"]
        sources[str(entry["sha256"])] = str(path)
        made = entry.get("space"), entry.get("preparation", PLAIN)
        if made != (facts.space, facts.recipe.prepared) or knows(path):
            continue
        for window in entry["windows"]:
            start, end = float(window["start"]), float(window["end"])
            item = facts.clips + int(window["number"])
            url = link_of(FILES, library_url, path, start, end)
            labels = tuple(entry["labels"])
            clips.append(Clip(item, clip_id(path, start), path, start, end, labels, entry["title"], url))
            rows.append(np.frombuffer(base64.b64decode(window["vector"]), "<f4"))
    vectors = unit_rows(facts.recipe.finish(np.stack(rows))) if rows else NOTHING.vectors
    return Added(tuple(clips), vectors, version if clips else "", sources)


class Built(Protocol):
    """The part of a catalogue that was built, which answers as `Catalogue` says."""

    def nearest(
        self,
        queries: Sequence[Vectors] | Vectors,
        count: int,
        *,
        chosen: Filter,
        without: frozenset[str],
        sure: int,
        distinct: bool,
    ) -> list[list[Hit]]: ...
    def clips(self, items: Sequence[int]) -> list[Clip]: ...
    def vectors_of(self, items: Sequence[int] | Items) -> Vectors: ...
    def item_of(self, clip_id: str) -> int | None: ...
    def clips_of(self, source: str) -> list[tuple[int, float, float]]: ...
    def ids_near(self, clip_id: str) -> list[str]: ...
    def ids_of(self, sources: Sequence[str]) -> list[str]: ...
    def named(self, text: str, limit: int) -> list[int]: ...
    def words(self) -> Iterator[tuple[str, Postings]]: ...
    def names(self) -> Iterable[tuple[str, str]]: ...
    def label_counts(self) -> Mapping[str, int]: ...
    def draw(self, label: str | None = None) -> int | None: ...


class GrowingCatalogue(Catalogue):
    """A catalogue that answers out of what was built and what was added since."""

    built: Built

    @property
    @abstractmethod
    def added(self) -> Added:
        """What was added since the catalogue was built."""

    @property
    def version(self) -> str:
        """Changes with whatever is added after the catalogue was built."""
        return self.added.version

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
        """Search what was built, and compare with what was added; see `Catalogue.nearest`."""
        sure, added = count if sure is None else min(sure, count), self.added
        found = self.built.nearest(queries, count, chosen=chosen, without=without, sure=sure, distinct=distinct)
        beside = _beside(added, queries, chosen, without)
        return [
            _merged([*hits, *more], count, distinct) if more else hits for hits, more in zip(found, beside, strict=True)
        ]

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        built = [item for item in items if item < len(self)]
        found = self.built.clips(built)
        if len(built) == len(items):
            return found
        known = {clip.item: clip for clip in (*found, *self.added.clips)}
        return [known[item] for item in items if item in known]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items."""
        if isinstance(items, range) and items.step == 1 and items.stop <= len(self):
            return self.built.vectors_of(items)
        numbers = np.asarray(items, np.int64)
        built = numbers < len(self)
        if built.all():
            return self.built.vectors_of(items)
        rows = np.zeros((len(numbers), self.facts.dimension), np.float32)
        rows[built] = self.built.vectors_of(numbers[built])
        added = self.added
        place = {clip.item: row for clip, row in zip(added.clips, added.vectors, strict=True)}
        for row in np.flatnonzero(~built).tolist():
            rows[row] = place.get(int(numbers[row]), 0.0)
        return rows

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id."""
        item = self.built.item_of(clip_id)
        return next((clip.item for clip in self.added.clips if clip.clip_id == clip_id), None) if item is None else item

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips."""
        return self.built.clips_of(source) or [
            (clip.item, clip.start, clip.end) for clip in self.added.clips if clip.source == source
        ]

    def ids_near(self, clip_id: str) -> list[str]:
        """Return clip ids that stand beside a text, and those of what was added."""
        return [*self.built.ids_near(clip_id), *(clip.clip_id for clip in self.added.clips)]

    def ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""
        return self.built.ids_of(sources)

    def named(self, text: str, limit: int) -> list[int]:
        """Return items whose names hold all words of a text, those that were added first."""
        words = set(name_words(text))
        added: dict[str, int] = {}
        for clip in self.added.clips:
            if words and words <= set(indexed_words(f"{clip.title} {clip.source}")):
                added.setdefault(clip.source, clip.item)
        return [*added.values(), *self.built.named(text, limit)][:limit]

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word by which sources of what was built are found, and where it stands."""
        return self.built.words()

    def names(self) -> Iterable[tuple[str, str]]:
        """Return each source and its title, those that were added last."""
        added = {clip.source: clip.title for clip in self.added.clips}
        return [*self.built.names(), *added.items()]

    def label_counts(self) -> Mapping[str, int]:
        """Return how many clips have each label; of labels that came with additions, one."""
        added = {label: 1 for clip in self.added.clips for label in clip.labels}
        return {**added, **self.built.label_counts()} if added else self.built.label_counts()

    def draw(self, label: str | None = None) -> int | None:
        """Return an item at random."""
        drawn = self.built.draw(label)
        added = [clip.item for clip in self.added.clips if label is None or label in clip.labels]
        there = len(self) if label is None else self.built.label_counts().get(label, 0)
        # Each clip is as likely as any other.
        if added and (drawn is None or _random.randrange(there + len(added)) >= there):
            return _random.choice(added)
        return drawn

    def added_as(self, sha256: str) -> str | None:
        """Return the path under which a file of this content was added."""
        return self.added.sources.get(sha256)


def _beside(
    added: Added, queries: Sequence[Vectors] | Vectors, chosen: Filter, without: frozenset[str]
) -> list[list[Hit]]:
    """Compare each query with every clip that was added since the catalogue was built and may be shown."""
    lengths: dict[str, float] = {}
    for clip in added.clips:
        lengths[clip.source] = max(lengths.get(clip.source, 0.0), clip.end)
    shown = [
        (clip, vector.astype(np.float64))
        for clip, vector in zip(added.clips, added.vectors, strict=True)
        if clip.source not in without and chosen.admits(clip.labels, lengths[clip.source], clip.fields)
    ]
    return [[Hit(clip.item, clip.source, float((vector * query).sum())) for clip, vector in shown] for query in queries]


def _merged(hits: Sequence[Hit], count: int, distinct: bool) -> list[Hit]:
    best: dict[object, Hit] = {}
    for hit in sorted(hits, key=lambda hit: (-round(hit.similarity, TIE_DECIMALS), hit.item)):
        best.setdefault(hit.source if distinct else hit.item, hit)
    return list(best.values())[:count]
