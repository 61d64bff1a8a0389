"""A catalogue in PostgreSQL: opened by its address, searched by statements, of which each sees one catalogue alone."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from recommender.catalogue.base import Catalogue, Facts, Hit, Items, Vectors
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.links import link_of
from recommender.catalogue.local.known_answers import SHARE_FOUND, in_common
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.connections import Connections, Row
from recommender.catalogue.postgres.facts import PostgresFacts
from recommender.catalogue.postgres.kept import Kept
from recommender.catalogue.postgres.nearest import Labels, Searcher, read
from recommender.catalogue.postgres.tables import CLIP, INDEXES, OLDEST_PGVECTOR, Tables
from recommender.clips import Clip
from recommender.embedders.spaces import refuse_retired
from recommender.errors import CatalogueDamaged, CatalogueUnavailable, NoCatalogue

LOOK_SECONDS = 1.0
"""A catalogue that took the place of this one is noticed within this time."""
NEIGHBOURS_IN_SPELLING = 40
"""Clip ids fetched on each side of a misspelt one, to choose suggestions from."""
DRAWN_AMONG = 10_000
"""Clips of a label that are numbered to draw one; of more, the next behind a random place is taken."""
CLIPS_KEPT = 10_000
"""Clips that were found lately, with their vectors: a catalogue never changes while it stands."""
_random = random.SystemRandom()


class PostgresCatalogue(Catalogue):
    """A catalogue in PostgreSQL, opened by `PostgresCatalogue.open`."""

    def __init__(self, connections: Connections, facts: PostgresFacts, library_url: str | None) -> None:
        self.location = connections.address.shown
        self.facts: PostgresFacts = facts
        self.identity = facts.id
        self._connections = connections
        self._library_url = library_url
        self._links = facts.extra.get("links")
        self.tables = Tables(connections.address.schema, facts.id, facts.dimension)
        rows = connections.rows(self.tables.sql("SELECT name, clips FROM {labels} ORDER BY label"))
        names = tuple(str(name) for name, _ in rows)
        self._labels = Labels(names, {name: n for n, name in enumerate(names)}, dict(rows))
        self._kept: Kept[int, Row] = Kept(CLIPS_KEPT)
        self.searcher = Searcher(connections, self.tables, facts, self._labels, self._kept)
        self._items: Kept[str, int] = Kept(CLIPS_KEPT)
        self._looking = threading.Lock()
        self._looked = time.monotonic()
        self._seen: object = facts.id

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> PostgresCatalogue:
        """Check the catalogue that is current in the schema, and ask its known answers; raises a `CatalogueError`."""
        connections = Connections(Address.parse(str(location)))
        try:
            catalogue = cls(connections, _facts(connections), library_url)
            catalogue.check()
        except BaseException:
            connections.close()
            raise
        return catalogue

    @classmethod
    def read_facts(cls, location: str | Path) -> Facts:
        """Read what the current catalogue says of itself; raises a `CatalogueError`."""
        connections = Connections(Address.parse(str(location)))
        try:
            return _facts(connections)
        finally:
            connections.close()

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
        """Search the tables; see `Catalogue.nearest`."""
        sure = count if sure is None else min(sure, count)
        return self.searcher.hits(queries, count, sure, chosen=chosen, without=without, distinct=distinct)

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        found = {item: row for item in items if (row := self._kept.get(item)) is not None}
        missing = sorted({item for item in items if item not in found and 0 <= item < len(self)})
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
            condition, parameters = sql.SQL("item = ANY(%s)"), [sorted({n for n in numbers if 0 <= n < len(self)})]
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

    def label_counts(self) -> Mapping[str, int]:
        """Return how many clips have each label."""
        return self._labels.counts

    def draw(self, label: str | None = None) -> int | None:
        """Return an item at random; of a common label or of all, the next behind a random place."""
        count = len(self) if label is None else self._labels.counts.get(label, 0)
        text = "SELECT item FROM {clips} WHERE embedding IS NOT NULL"
        parameters: dict[str, Any] = {}
        if label is not None:
            text += " AND labels && %(labels)s::integer[]"
            parameters["labels"] = [self._labels.numbers[label]] if label in self._labels.numbers else []
        if label is not None and count <= DRAWN_AMONG:
            rows = self._connections.rows(self.tables.sql(f"{text} ORDER BY random() LIMIT 1"), parameters)
        else:
            parameters["place"] = _random.randrange(len(self))
            both = [f"({text} AND item {side} %(place)s ORDER BY item LIMIT 1)" for side in (">=", "<")]
            rows = self._connections.rows(self.tables.sql(" UNION ALL ".join(both)), parameters)
        return int(rows[0][0]) if rows else None

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what raw-frames vectors were divided by."""
        if self.facts.recipe.pooling != "raw-frames":
            return None
        statement = self.tables.sql("SELECT length FROM {clips} ORDER BY item")
        rows = self._connections.rows(statement, binary=True, limited=False)
        return np.array([row[0] for row in rows], np.float64)

    def identity_now(self) -> object:
        """Return the id of the current catalogue, looked up once a second by one thread; this one's own while the
        database does not answer."""
        if time.monotonic() - self._looked > LOOK_SECONDS and self._looking.acquire(blocking=False):
            try:
                self._seen = _current(self._connections)
            except CatalogueUnavailable:
                self._seen = self.identity
            finally:
                self._looked = time.monotonic()
                self._looking.release()
        return self._seen

    def reopen(self) -> PostgresCatalogue:
        """Open the catalogue that is current now, on the same connections."""
        catalogue = PostgresCatalogue(self._connections, _facts(self._connections), self._library_url)
        catalogue.check()
        return catalogue

    def still_whole(self) -> None:
        """Raise `CatalogueUnavailable` where the database did not answer within the last second."""
        if self._connections.away or time.monotonic() - self._looked > LOOK_SECONDS:
            self._seen = _current(self._connections)
            self._looked = time.monotonic()

    def warm(self) -> None:
        """Ask the known answers."""
        self.check_answers()

    def check(self) -> None:
        """Compare tables, indexes and known answers with what was pushed; raises `CatalogueDamaged`."""
        rows = self._connections.rows(
            self.tables.sql(
                "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'), "
                "(SELECT max(item) + 1 FROM {clips}), (SELECT count(*) FROM pg_index JOIN pg_class ON oid = indexrelid "
                "WHERE indrelid = %s::regclass AND indisvalid AND relname = ANY(%s))"
            ),
            (self.tables.sql("{clips}").as_string(), [self.tables.index(name) for name in INDEXES]),
        )
        ((version, clips, indexes),) = rows
        if tuple(map(int, str(version).split(".")[:2])) < OLDEST_PGVECTOR:
            raise CatalogueDamaged(
                f"{self.location} has pgvector {version}: update it to {'.'.join(map(str, OLDEST_PGVECTOR))} or newer."
            )
        if clips != len(self):
            raise self._damaged(f"holds {clips or 0:,} clips where {len(self):,} were pushed")
        if indexes != len(INDEXES):
            raise self._damaged("lacks an index")
        self.check_answers()

    def check_answers(self) -> None:
        """Ask the known answers; raises `CatalogueDamaged` where they do not come."""
        answers = self.facts.known_answers
        if not answers:
            raise self._damaged("lacks its known answers")
        clips = {clip.item: clip.clip_id for clip in self.clips([answer.item for answer in answers])}
        if any(clips.get(answer.item) != answer.clip_id for answer in answers):
            raise self._damaged("holds other clips than were pushed")
        count = max(len(answer.items) for answer in answers) + 1
        found = self.nearest(self.vectors_of([answer.item for answer in answers]), count, distinct=False)
        wanted = came = 0
        for answer, hits in zip(answers, found, strict=True):
            cosines = [hit.similarity for hit in hits if hit.item != answer.item]
            wanted += len(answer.items)
            came += in_common(cosines, answer.similarities)
        if came < SHARE_FOUND * wanted:
            raise self._damaged(f"gives {came} of {wanted} known answers")

    def verify(self) -> str:
        """Count and compare all clips and labels, and ask the known answers."""
        self.check()
        statement = self.tables.sql(
            "SELECT count(*), count(embedding), (SELECT coalesce(sum(clips), 0) FROM {labels}), "
            "coalesce(sum(cardinality(labels)), 0), "
            "count(*) FILTER (WHERE abs(vector_norm(embedding) - 1) > 0.001) FROM {clips}"
        )
        ((clips, vectors, counted, labels, odd),) = self._connections.rows(statement, limited=False)
        if (clips, vectors, int(counted), odd) != (len(self), self.facts.searchable, int(labels), 0):
            raise self._damaged("is not what was pushed")
        return f"{len(self):,} clips, {len(self.facts.known_answers)} known answers right"

    def describe(self) -> dict[str, Any]:
        """Return the index's parameters, what was measured with filters, and the sizes of tables and indexes."""
        statement = self.tables.sql("SELECT pg_table_size(%(t)s), pg_indexes_size(%(t)s), pg_relation_size(%(h)s)")
        names = {
            "t": self.tables.sql("{clips}").as_string(),
            "h": f'"{self.tables.schema}"."{self.tables.index("hnsw")}"',
        }
        ((table, indexes, hnsw),) = self._connections.rows(statement, names)
        return {
            "index": self.facts.index["kind"],
            "parameters": {name: value for name, value in self.facts.index.items() if name != "kind"},
            "filters": [
                {"share": band.share, "search_k": c.search_k, "recall": c.recall, "top": c.top}
                for band in self.facts.bands
                for c in band.calibration
            ],
            "bytes": {"table": table, "indexes": indexes, "hnsw": hnsw},
        }

    def close(self) -> None:
        """Close the connections; the catalogue cannot be asked afterwards."""
        self._connections.close()

    def _look_up(self, condition: sql.SQL, parameter: Any) -> list[Row]:
        text = "SELECT {clip} FROM {clips} WHERE {condition}"
        statement = self.tables.sql(text, clip=sql.SQL(CLIP), condition=condition)
        rows = self._connections.rows(statement, (parameter,), binary=True)
        for row in rows:
            self._kept.keep(row[0], row)
        return rows

    def _clip(self, row: Row) -> Clip:
        item, source, _, clip_id, start, end, labels, title, url = row
        return Clip(
            item=item,
            clip_id=clip_id,
            source=source,
            start=start,
            end=end,
            labels=tuple(self._labels.names[label] for label in labels),
            title=title or source,
            url=url or link_of(self._links, self._library_url, source, start, end),
        )

    def _damaged(self, reason: str) -> CatalogueDamaged:
        return CatalogueDamaged(f"{self.location} {reason}: push the catalogue again.")


def _text(name: str) -> str:
    """Return a name without the sign that PostgreSQL knows in no text."""
    return name.replace("\0", "\ufffd")


def _current(connections: Connections) -> str | None:
    tables = Tables(connections.address.schema)
    rows = connections.rows(tables.sql("SELECT id FROM {catalogues} WHERE current"))
    return str(rows[0][0]) if rows else None


def _facts(connections: Connections) -> PostgresFacts:
    tables, shown = Tables(connections.address.schema), connections.address.shown
    ((there,),) = connections.rows(
        tables.sql("SELECT to_regclass(%s) IS NOT NULL"), (tables.sql("{catalogues}").as_string(),)
    )
    statement = tables.sql("SELECT format, facts, projection FROM {catalogues} WHERE current")
    rows = connections.rows(statement) if there else []
    if not rows:
        raise NoCatalogue(
            f"There is no catalogue in the schema {tables.schema} of {shown}: build one in a folder, and bring it "
            "there with `python -m recommender push FOLDER URL`."
        )
    format_, text, projection = rows[0]
    facts = PostgresFacts.from_row(format_, text, projection, shown)
    refuse_retired(facts.space, Path(shown), facts.extra.get("folder"))
    return facts
