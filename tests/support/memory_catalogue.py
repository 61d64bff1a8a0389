"""A catalogue in memory: the plainest thing that the interface allows, to test what stands above it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from recommender.catalogue.base import Catalogue, Facts, Hit, Items, Vectors
from recommender.catalogue.exact import nearest
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.measures import number_of
from recommender.catalogue.name_index import Postings, best
from recommender.catalogue.vocabulary import Vocabulary
from recommender.clips import Clip
from recommender.errors import NoCatalogue
from recommender.spelling import name_words


class MemoryCatalogue(Catalogue):
    """Clips of another catalogue, scanned."""

    def __init__(
        self, facts: Facts, clips: Sequence[Clip], vectors: Vectors, vocabulary: Vocabulary | None = None
    ) -> None:
        self.location = "memory://"
        self.facts = facts
        self._clips = list(clips)
        self._vectors = vectors
        self.vocabulary = vocabulary
        self._words: dict[str, Postings] = {}

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> MemoryCatalogue:
        raise NoCatalogue("A catalogue in memory has no location.")

    @classmethod
    def read_facts(cls, location: str | Path) -> Facts:
        raise NoCatalogue("A catalogue in memory has no location.")

    @classmethod
    def copy_of(cls, catalogue: Catalogue) -> MemoryCatalogue:
        """Read all of another catalogue."""
        clips, vectors = zip(*catalogue.all_clips(), strict=True)
        copy = cls(catalogue.facts, clips, np.stack(vectors), catalogue.vocabulary)
        copy._words = dict(catalogue.words())
        return copy

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
        lasting = {source: self.seconds_of(source) if chosen else 0.0 for source in {c.source for c in self._clips}}
        among = [
            c.item
            for c in self._clips
            if c.source not in without and (not chosen or chosen.admits(c.labels, lasting[c.source], c.fields))
        ]
        silent = np.flatnonzero(~self._vectors.any(axis=1))
        found = []
        for query in queries:
            ranked = nearest(self._vectors, query, len(self), np.array(among, np.int64), silent)
            hits: dict[object, Hit] = {}
            for item, similarity in zip(ranked.items.tolist(), ranked.similarities.tolist(), strict=True):
                if len(hits) == count:
                    break
                source = self._clips[item].source
                hits.setdefault(source if distinct else item, Hit(item, source, similarity))
            found.append(list(hits.values()))
        return found

    def clips(self, items: Sequence[int]) -> list[Clip]:
        return [self._clips[item] for item in items if 0 <= item < len(self)]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        return self._vectors[np.asarray(items, np.int64)]

    def item_of(self, clip_id: str) -> int | None:
        return next((clip.item for clip in self._clips if clip.clip_id == clip_id), None)

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        return sorted(
            ((c.item, c.start, c.end) for c in self._clips if c.source == source), key=lambda clip: (clip[1], clip[0])
        )

    def ids_near(self, clip_id: str) -> list[str]:
        return [clip.clip_id for clip in self._clips]

    def ids_of(self, sources: Sequence[str]) -> list[str]:
        return [clip.clip_id for clip in self._clips if clip.source in sources]

    def named(self, text: str, limit: int) -> list[int]:
        if not (asked := name_words(text)):
            return []
        several = [[self._words[word]] if word in self._words else [] for word in asked[:-1]]
        several.append([found for word, found in self._words.items() if word.startswith(asked[-1])])
        lengths = {item: length for found in self._words.values() for item, length, _, _ in found.tolist()}
        return best(several, len(lengths), sum(lengths.values()), limit) if all(several) else []

    def words(self) -> Iterator[tuple[str, Postings]]:
        return iter(sorted(self._words.items()))

    def names(self) -> Iterable[tuple[str, str]]:
        return {clip.source: clip.title for clip in self._clips}.items()

    @property
    def measures(self) -> frozenset[str]:
        return frozenset(
            name for clip in self._clips for name, text in clip.fields if number_of(name, text) is not None
        )

    def label_counts(self) -> Mapping[str, int]:
        return Counter(label for clip in self._clips for label in clip.labels)

    def draw(self, label: str | None = None) -> int | None:
        with_vector = [c for c in self._clips if self._vectors[c.item].any() and (label is None or label in c.labels)]
        return random.choice(with_vector).item if with_vector else None
