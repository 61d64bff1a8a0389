"""What was built of a catalogue in Milvus, read from its collection."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from recommender.catalogue.base import Hit, Items, Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.milvus.cluster import Cluster
from recommender.catalogue.milvus.nearest import CollectionSearcher, Row, quoted
from recommender.catalogue.milvus.rows import FIRST_BLOCK, MOST_ROWS, SHOWN, VECTOR, clip_of
from recommender.catalogue.name_index import Postings
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.names import NameReader
from recommender.catalogue.remote.searching import Labels
from recommender.clips import Clip

CLIPS_KEPT = 10_000
"""Clips that were found lately, with their vectors: a catalogue never changes while it stands."""
NEAR_IDS = 200
_LAST = "\U0010ffff"
_random = random.SystemRandom()

Value = TypeVar("Value")


class BuiltCollection:
    """Reads the collection of one catalogue; answers as `Catalogue` says. Safe to use from several threads."""

    def __init__(
        self, cluster: Cluster, collection: str, facts: RemoteFacts, labels: Labels, library_url: str | None
    ) -> None:
        self.facts = facts
        self._labels = labels
        self._library_url = library_url
        self._links = facts.extra.get("links")
        self.name_reader = NameReader(facts.names, self._blocks, cluster.address.shown)
        self._clips: Kept[int, Clip] = Kept(CLIPS_KEPT)
        self._vectors: Kept[int, Vectors] = Kept(CLIPS_KEPT)
        self._items: Kept[str, int] = Kept(CLIPS_KEPT)
        self.searcher = CollectionSearcher(facts, labels, cluster, collection, self._clip)

    def nearest(
        self,
        queries: Sequence[Vectors] | Vectors,
        count: int,
        *,
        chosen: Filter,
        without: frozenset[str],
        sure: int,
        distinct: bool,
    ) -> list[list[Hit]]:
        """Search the collection; see `Catalogue.nearest`."""
        if any(not self._labels.numbers_of(group) for group in chosen.only):
            return [[] for _ in queries]
        return self.searcher.hits(queries, count, sure, chosen=chosen, without=without, distinct=distinct)

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        found = self._looked_up(items, SHOWN, self._clips, self._clip)
        return [found[item] for item in items if item in found]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items."""
        numbers = items if isinstance(items, range) else np.asarray(items, np.int64).tolist()
        found = self._looked_up(numbers, VECTOR, self._vectors, _vector)
        vectors = np.zeros((len(numbers), self.facts.dimension), np.float32)
        for place, item in enumerate(numbers):
            if item in found:
                vectors[place] = found[item]
        return vectors

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id."""
        item = self._items.get(clip_id)
        if item is None:
            # A clip that is asked for by name is nearly always asked for as a whole.
            for row in self.searcher.rows(f"clip_id == {quoted(clip_id)} and item >= 0", [SHOWN, VECTOR]):
                item = self._items.keep(clip_id, self._clip(row).item)
                self._vectors.keep(item, _vector(row))
        return item

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips."""
        clips = map(self._clip, self.searcher.rows(f"source == {quoted(source)} and item >= 0", [SHOWN]))
        return sorted(((clip.item, clip.start, clip.end) for clip in clips), key=lambda clip: (clip[1], clip[0]))

    def ids_near(self, clip_id: str) -> list[str]:
        """Return clip ids that begin as a text does: Milvus sorts nothing, so the longest beginning that has some."""
        for end in dict.fromkeys((len(clip_id), len(clip_id) * 3 // 4, len(clip_id) // 2)):
            first = clip_id[:end]
            within = f"clip_id >= {quoted(first)} and clip_id < {quoted(first + _LAST)} and item >= 0"
            rows = self.searcher.rows(within, ["clip_id"], limit=NEAR_IDS) if first else []
            if rows:
                return [row["clip_id"] for row in rows]
        return []

    def ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""
        listed = ", ".join(map(quoted, sources))
        return [row["clip_id"] for row in self.searcher.rows(f"source in [{listed}] and item >= 0", ["clip_id"])]

    def named(self, text: str, limit: int) -> list[int]:
        """Return items of sources whose names hold all words of a text."""
        return self.name_reader.named(text, limit)

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word by which sources are found, and where it stands."""
        return self.name_reader.words()

    def names(self) -> Iterable[tuple[str, str]]:
        """Return each source and its title."""
        return self.name_reader.names()

    def label_counts(self) -> Mapping[str, int]:
        """Return how many clips have each label."""
        return self._labels.counts

    def draw(self, label: str | None = None) -> int | None:
        """Return an item at random; of a common label or of all, the next behind a random place."""
        count = self.facts.searchable if label is None else self._labels.counts.get(label, 0)
        if not count:
            return None
        chosen = Filter() if label is None else Filter(only=((label,),))
        condition = self.searcher.expression(chosen) or "item >= 0"
        options = {"limit": 1, "partition_names": self.searcher.partitions()}
        if count < MOST_ROWS:
            rows = self.searcher.rows(condition, [], offset=_random.randrange(count), **options)
        else:
            rows = self.searcher.rows(f"{condition} and item >= {_random.randrange(self.facts.clips)}", [], **options)
        rows = rows or self.searcher.rows(condition, [], **options)
        return int(rows[0]["item"]) if rows else None

    def _blocks(self, numbers: Sequence[int]) -> list[bytes]:
        rows = self.searcher.rows(f"item in {[FIRST_BLOCK - number for number in numbers]}", [SHOWN])
        return [base64.b64decode(row[SHOWN]) for row in sorted(rows, key=lambda row: -int(row["item"]))]

    def _looked_up(
        self, items: Sequence[int], field: str, kept: Kept[int, Value], value_of: Callable[[Row], Value]
    ) -> dict[int, Value]:
        """Return a field of these items, read where it is not kept."""
        found = {item: value for item in items if (value := kept.get(item)) is not None}
        missing = sorted({item for item in items if item not in found and 0 <= item < self.facts.clips})
        if isinstance(items, range) and len(missing) > 1:
            pages = self.searcher.paged(missing[0], missing[-1] + 1, [field])
        else:
            parts = (missing[first : first + MOST_ROWS // 4] for first in range(0, len(missing), MOST_ROWS // 4))
            pages = (self.searcher.rows(f"item in {part}", [field]) for part in parts)
        found.update((row["item"], kept.keep(row["item"], value_of(row))) for page in pages for row in page)
        return found

    def _clip(self, row: Row) -> Clip:
        """Return the clip of a row, and keep it."""
        item = int(row["item"])
        known = self._clips.get(item)
        if known is None:
            clip = clip_of(item, row[SHOWN], self._labels.names, self._links, self._library_url)
            known = self._clips.keep(item, clip)
        return known


def _vector(row: Row) -> Vectors:
    return np.asarray(row[VECTOR], np.float32)
