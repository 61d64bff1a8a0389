"""What was built of a catalogue in PostgreSQL, read from its tables."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import sql

from recommender.catalogue.base import Hit, Items, Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.links import link_of
from recommender.catalogue.name_index import Postings
from recommender.catalogue.postgres.connections import Connections, Row
from recommender.catalogue.postgres.nearest import TableSearcher, read
from recommender.catalogue.postgres.tables import CLIP, Tables
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.names import NameReader
from recommender.catalogue.remote.searching import Labels, Searcher
from recommender.clips import Clip

NEIGHBOURS_IN_SPELLING = 40
"""Clip ids fetched on each side of a misspelt one, to choose suggestions from."""
DRAWN_AMONG = 10_000
"""Clips of a label that are numbered to draw one; of more, the next behind a random place is taken."""
CLIPS_KEPT = 10_000
"""Clips that were found lately, with their vectors: a catalogue never changes while it stands."""
_random = random.SystemRandom()


class BuiltTables:
    """Reads the tables of one catalogue; answers as `Catalogue` says. Safe to use from several threads."""

    def __init__(self, connections: Connections, tables: Tables, facts: RemoteFacts, library_url: str | None) -> None:
        self.facts = facts
        self.tables = tables
        self._connections = connections
        self._library_url = library_url
        self._links = facts.extra.get("links")
        rows = connections.rows(tables.sql("SELECT name, clips FROM {labels} ORDER BY label"))
        self._labels = Labels.of([(name, clips) for name, clips in rows])
        self.name_reader = NameReader(facts.names, self._blocks, connections.address.shown)
        self._kept: Kept[int, Row] = Kept(CLIPS_KEPT)
        self._items: Kept[str, int] = Kept(CLIPS_KEPT)
        self.searcher: Searcher = TableSearcher(facts, self._labels, connections, tables, self._kept)

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
        """Search the tables; see `Catalogue.nearest`."""
        return self.searcher.hits(queries, count, sure, chosen=chosen, without=without, distinct=distinct)

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        found = {item: row for item in items if (row := self._kept.get(item)) is not None}
        missing = sorted({item for item in items if item not in found and 0 <= item < self.facts.clips})
        if missing:
            found.update((row[0], row) for row in self._look_up(sql.SQL("item = ANY(%s)"), missing))
        return [self._clip(found[item]) for item in items if item in found]

    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items."""
        kept = self._kept.get(int(items[0])) if len(items) == 1 else None
        if kept is not None and kept[2] is not None:
            return read([kept[2]], self.facts.dimension)
        parameters: list[Any]
        if isinstance(items, range) and items.step == 1:
            condition, parameters = sql.SQL("item >= %s AND item < %s"), [items.start, items.stop]
        else:
            numbers = np.asarray(items, np.int64).tolist()
            condition, parameters = (
                sql.SQL("item = ANY(%s)"),
                [sorted({n for n in numbers if 0 <= n < self.facts.clips})],
            )
        text = "SELECT item, embedding FROM {clips} WHERE embedding IS NOT NULL AND {condition}"
        statement = self.tables.sql(text, condition=condition)
        rows = self._connections.rows(statement, parameters, binary=True)
        vectors = np.zeros((len(items), self.facts.dimension), np.float32)
        if rows:
            found = read([row[1] for row in rows], self.facts.dimension)
            known = np.array([row[0] for row in rows])
            order = np.argsort(known)
            wanted = np.asarray(items, np.int64)
            places = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
            right = known[order[places]] == wanted
            vectors[right] = found[order[places[right]]]
        return vectors

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id."""
        item = self._items.get(clip_id)
        if item is None:
            # A clip that is asked for by name is nearly always asked for as a whole.
            for row in self._look_up(sql.SQL("clip_id = %s"), _text(clip_id)):
                item = self._items.keep(clip_id, row[0])
        return item

    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips."""
        statement = self.tables.sql('SELECT item, start, "end" FROM {clips} WHERE source = %s ORDER BY start, item')
        return [(int(item), start, end) for item, start, end in self._connections.rows(statement, (_text(source),))]

    def ids_near(self, clip_id: str) -> list[str]:
        """Return clip ids that stand beside a text."""
        statement = self.tables.sql(
            "(SELECT clip_id FROM {clips} WHERE clip_id >= %(id)s ORDER BY clip_id LIMIT %(most)s) UNION ALL "
            "(SELECT clip_id FROM {clips} WHERE clip_id < %(id)s ORDER BY clip_id DESC LIMIT %(most)s)"
        )
        rows = self._connections.rows(statement, {"id": _text(clip_id), "most": NEIGHBOURS_IN_SPELLING})
        return [str(row[0]) for row in rows]

    def ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""
        statement = self.tables.sql("SELECT clip_id FROM {clips} WHERE source = ANY(%s)")
        return [str(row[0]) for row in self._connections.rows(statement, ([_text(source) for source in sources],))]

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
        count = self.facts.clips if label is None else self._labels.counts.get(label, 0)
        text = "SELECT item FROM {clips} WHERE embedding IS NOT NULL"
        parameters: dict[str, Any] = {}
        if label is not None:
            text += " AND labels && %(labels)s::integer[]"
            parameters["labels"] = self._labels.numbers_of([label])
        if label is not None and count <= DRAWN_AMONG:
            rows = self._connections.rows(self.tables.sql(f"{text} ORDER BY random() LIMIT 1"), parameters)
        else:
            parameters["place"] = _random.randrange(self.facts.clips)
            both = [f"({text} AND item {side} %(place)s ORDER BY item LIMIT 1)" for side in (">=", "<")]
            rows = self._connections.rows(self.tables.sql(" UNION ALL ".join(both)), parameters)
        return int(rows[0][0]) if rows else None

    def _blocks(self, numbers: Sequence[int]) -> list[bytes]:
        statement = self.tables.sql("SELECT block FROM {names} WHERE number = ANY(%s) ORDER BY number")
        return [row[0] for row in self._connections.rows(statement, (list(numbers),), binary=True)]

    def _look_up(self, condition: sql.SQL, parameter: Any) -> list[Row]:
        text = "SELECT {clip} FROM {clips} WHERE {condition}"
        statement = self.tables.sql(text, clip=sql.SQL(CLIP), condition=condition)
        rows = self._connections.rows(statement, (parameter,), binary=True)
        for row in rows:
            self._kept.keep(row[0], row)
        return rows

    def _clip(self, row: Row) -> Clip:
        item, source, _, clip_id, start, end, labels, title, url, fields = row
        return Clip(
            item=item,
            clip_id=clip_id,
            source=source,
            start=start,
            end=end,
            labels=tuple(self._labels.names[label] for label in labels),
            title=title or source,
            url=url or link_of(self._links, self._library_url, source, start, end),
            fields=tuple((name, value) for name, value in json.loads(fields)) if fields else (),
        )


def _text(name: str) -> str:
    """Return a name without the sign that PostgreSQL knows in no text."""
    return name.replace("\0", "\ufffd")
