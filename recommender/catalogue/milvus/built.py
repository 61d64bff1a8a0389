"""What was built of a catalogue in Milvus, read from its collection."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from recommender.catalogue.base import Hit, Items, Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.links import link_of
from recommender.catalogue.milvus.cluster import Cluster
from recommender.catalogue.milvus.nearest import CollectionSearcher, Row, quoted
from recommender.catalogue.milvus.rows import CLIP, CLIPS, MOST_ROWS, asked_tokens
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.searching import Labels
from recommender.clips import Clip
from recommender.spelling import name_words

CLIPS_KEPT = 10_000
"""Clips that were found lately, with their vectors: a catalogue never changes while it stands."""
NEAR_IDS = 200
_LAST = "\U0010ffff"
_random = random.SystemRandom()


class BuiltCollection:
    """Reads the collection of one catalogue; answers as `Catalogue` says. Safe to use from several threads."""

    def __init__(
        self, cluster: Cluster, collection: str, facts: RemoteFacts, labels: Labels, library_url: str | None
    ) -> None:
        self.facts = facts
        self._labels = labels
        self._library_url = library_url
        self._links = facts.extra.get("links")
        self._kept: Kept[int, Row] = Kept(CLIPS_KEPT)
        self._items: Kept[str, int] = Kept(CLIPS_KEPT)
        self.searcher = CollectionSearcher(facts, labels, cluster, collection, self._kept)

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
        found = self._rows(items)
        return [self._clip(found[item]) for item in items if item in found]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items."""
        numbers = items if isinstance(items, range) else np.asarray(items, np.int64).tolist()
        found = self._rows(numbers)
        vectors = np.zeros((len(numbers), self.facts.dimension), np.float32)
        for place, item in enumerate(numbers):
            if item in found:
                vectors[place] = found[item]["vector"]
        return vectors

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id."""
        item = self._items.get(clip_id)
        if item is None:
            # A clip that is asked for by name is nearly always asked for as a whole.
            for row in self.searcher.rows(f"clip_id == {quoted(clip_id)} and item >= 0"):
                item = self._items.keep(clip_id, int(row["item"]))
        return item

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips."""
        rows = self.searcher.rows(f"source == {quoted(source)} and item >= 0", ["start", "end"])
        return sorted(((row["item"], row["start"], row["end"]) for row in rows), key=lambda clip: (clip[1], clip[0]))

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
        """Return items whose title and path hold all words of a text, those with the fewest others first."""
        words = name_words(text)
        if not words:
            return []
        listed = ", ".join(map(quoted, asked_tokens(words)))
        rows = self.searcher.rows(f"array_contains_all(names, [{listed}])", ["title", "source"])
        rows.sort(key=lambda row: (len(name_words(f"{row['title']} {row['source']}")), row["item"]))
        return [row["item"] for row in rows[:limit]]

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
        options = {"limit": 1, "partition_names": [CLIPS]}
        if count < MOST_ROWS:
            rows = self.searcher.rows(condition, [], offset=_random.randrange(count), **options)
        else:
            rows = self.searcher.rows(f"{condition} and item >= {_random.randrange(self.facts.clips)}", [], **options)
        rows = rows or self.searcher.rows(condition, [], **options)
        return int(rows[0]["item"]) if rows else None

    def _rows(self, items: Sequence[int]) -> dict[int, Row]:
        if isinstance(items, range) and len(items) > 1:
            pages = self.searcher.paged(items.start, min(items.stop, self.facts.clips), CLIP)
            return {row["item"]: row for page in pages for row in page}
        found = {item: row for item in items if (row := self._kept.get(item)) is not None}
        missing = sorted({item for item in items if item not in found and 0 <= item < self.facts.clips})
        for first in range(0, len(missing), MOST_ROWS // 4):
            rows = self.searcher.rows(f"item in {missing[first : first + MOST_ROWS // 4]}")
            found.update((row["item"], row) for row in rows)
        return found

    def _clip(self, row: Row) -> Clip:
        source, start, end = row["source"], row["start"], row["end"]
        return Clip(
            item=row["item"],
            clip_id=row["clip_id"],
            source=source,
            start=start,
            end=end,
            labels=tuple(self._labels.names[label] for label in row["labels"]),
            title=row["title"] or source,
            url=row["url"] or link_of(self._links, self._library_url, source, start, end),
        )
