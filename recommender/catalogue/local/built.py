"""What was built of a catalogue in a folder: its table, its vectors and its index, mapped."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.catalogue.base import Hit, Items, Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.links import link_of
from recommender.catalogue.local.clip_table import ClipRow, ClipTable
from recommender.catalogue.local.finder import Finder
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.local.nearest import Searcher
from recommender.catalogue.name_index import Postings
from recommender.clips import Clip

DRAWS = 1000
"""Items drawn at random before those that have no vector are looked up."""
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class BuiltFolder:
    """Reads the files of one catalogue; answers as `Catalogue` says. Safe to use from several threads."""

    manifest: Manifest
    table: ClipTable
    finder: Finder
    library_url: str | None

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
        """Search the index, or scan where that is as fast; see `Catalogue.nearest`."""
        searcher = Searcher(self.manifest, self.table, self.finder)
        allowed, own = searcher.allowed(chosen), searcher.items_of(without)
        return [
            searcher.hits(query, count, sure, allowed=allowed, own=own, without=without, distinct=distinct)
            for query in queries
        ]

    @property
    def vectors(self) -> Vectors:
        """The vectors of all items, mapped."""
        return self.finder.vectors

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        found = {row.item: self._clip(row) for row in self.table.rows(items)}
        return [found[item] for item in items if item in found]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items; a range of items is not copied."""
        if isinstance(items, range) and items.step == 1:
            return self.vectors[items.start : items.stop]
        return self.vectors[np.asarray(items, np.int64)]

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id."""
        return self.table.item_of(clip_id)

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips."""
        return self.table.items_of_source(source)

    def ids_near(self, clip_id: str) -> list[str]:
        """Return clip ids that stand beside a text."""
        return self.table.clip_ids_near(clip_id)

    def ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""
        return self.table.clip_ids_of(sources)

    def named(self, text: str, limit: int) -> list[int]:
        """Return items whose names hold all words of a text."""
        return self.table.named(text, limit)

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word by which sources are found, and where it stands."""
        return self.table.words()

    def names(self) -> Iterable[tuple[str, str]]:
        """Return each source and its title."""
        return self.table.names()

    def label_counts(self) -> Mapping[str, int]:
        """Return how many clips have each label."""
        return self.table.label_counts

    def draw(self, label: str | None = None) -> int | None:
        """Return an item at random."""
        silent = set(self.table.unsearchable.tolist())
        if label is None:
            for _ in range(DRAWS):
                item = _random.randrange(len(self.vectors))
                if item not in silent:
                    return item
        items = range(len(self.vectors)) if label is None else self.table.items_with(label).tolist()
        drawn = [item for item in items if item not in silent]
        return _random.choice(drawn) if drawn else None

    def _clip(self, row: ClipRow) -> Clip:
        item, clip_id, source, start, end, labels, title, url, fields = row
        links = self.manifest.extra.get("links")
        url = url or link_of(links, self.library_url, source, start, end)
        return Clip(item, clip_id, source, start, end, labels, title or source, url, fields=fields)
