"""A catalogue in PostgreSQL: opened by its address, searched by statements, of which each sees one catalogue alone."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Addition, Facts
from recommender.catalogue.growing import NOTHING, Added, GrowingCatalogue
from recommender.catalogue.known_answer import SHARE_FOUND, in_common
from recommender.catalogue.links import FILES
from recommender.catalogue.postgres import additions
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.built import BuiltTables
from recommender.catalogue.postgres.connections import Connections
from recommender.catalogue.postgres.facts import PostgresFacts
from recommender.catalogue.postgres.tables import INDEXES, OLDEST_PGVECTOR, Tables
from recommender.catalogue.vocabulary import Vocabulary
from recommender.embedders.spaces import refuse_retired
from recommender.errors import CatalogueDamaged, CatalogueUnavailable, NoCatalogue

LOOK_SECONDS = 1.0
"""What was pushed or added by other processes is noticed within this time."""


class PostgresCatalogue(GrowingCatalogue):
    """A catalogue in PostgreSQL, opened by `PostgresCatalogue.open`."""

    built: BuiltTables

    def __init__(self, connections: Connections, facts: PostgresFacts, library_url: str | None) -> None:
        self.location = connections.address.shown
        self.facts: PostgresFacts = facts
        self.identity = facts.id
        self.tables = Tables(connections.address.schema, facts.id, facts.dimension)
        self.built = BuiltTables(connections, self.tables, facts, library_url)
        self._connections = connections
        self._library_url = library_url
        self._grows = facts.extra.get("links") == FILES
        words = connections.rows(self.tables.sql("SELECT vocabulary FROM {catalogues} WHERE id = %s"), (facts.id,))
        if words and words[0][0]:
            self.vocabulary = Vocabulary.from_bytes(words[0][0], facts.extra, self.location)
        self._looking = threading.Lock()
        self._looked = 0.0
        self._seen: object = facts.id
        self._additions = -1
        self._added = NOTHING

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> PostgresCatalogue:
        """Check the catalogue that is current in the schema, and ask its known answers; raises a `CatalogueError`."""
        connections = Connections(Address.parse(str(location)))
        try:
            catalogue = cls(connections, _facts(connections), library_url)
            catalogue.check()
            catalogue.look()
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

    @property
    def added(self) -> Added:
        """What was added since the catalogue was built, as it was seen within the last second."""
        if self._grows:
            self._look_now_and_then()
        return self._added

    def add(self, addition: Addition) -> None:
        """Write an addition into the table of what was added; other processes find it within a second."""
        if not self._grows:
            super().add(addition)
        additions.append(self._connections.address, addition, self.facts)
        self.look()

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what raw-frames vectors were divided by."""
        if self.facts.recipe.pooling != "raw-frames":
            return None
        statement = self.tables.sql("SELECT length FROM {clips} ORDER BY item")
        rows = self._connections.rows(statement, binary=True, limited=False)
        return np.array([row[0] for row in rows], np.float64)

    def identity_now(self) -> object:
        """Return the id of the current catalogue, as it was seen within the last second; this one's own while the
        database does not answer."""
        self._look_now_and_then()
        return self._seen

    def reopen(self) -> PostgresCatalogue:
        """Open the catalogue that is current now, on the same connections."""
        catalogue = PostgresCatalogue(self._connections, _facts(self._connections), self._library_url)
        catalogue.check()
        catalogue.look()
        return catalogue

    def still_whole(self) -> None:
        """Raise `CatalogueUnavailable` where the database did not answer within the last second."""
        if self._connections.away or time.monotonic() - self._looked > LOOK_SECONDS:
            self.look()

    def look(self) -> None:
        """Look which catalogue is current and what was added; raises `CatalogueUnavailable`."""
        # As of before the question: what comes later is seen with the next look.
        looked = time.monotonic()
        statement = "SELECT (SELECT id FROM {catalogues} WHERE current), (SELECT coalesce(max(number), 0) FROM {added})"
        ((self._seen, newest),) = self._connections.rows(self.tables.sql(statement))
        if self._grows and newest != self._additions:
            entries = additions.entries(self._connections)
            self._added = additions.read(entries, self.facts, self._library_url, self._knows)
            self._additions = newest
        self._looked = looked

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
            raise self._damaged(f"finds {came} of {wanted} known answers")

    def verify(self) -> str:
        """Count and compare all clips and labels, and ask the known answers; raises `CatalogueDamaged`."""
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

    def _look_now_and_then(self) -> None:
        """Look once a second, by one thread, and pass over a database that does not answer."""
        if time.monotonic() - self._looked > LOOK_SECONDS and self._looking.acquire(blocking=False):
            try:
                self.look()
            except CatalogueUnavailable:
                self._seen, self._looked = self.identity, time.monotonic()
            finally:
                self._looking.release()

    def _knows(self, path: str) -> bool:
        return path in self.copied_from or bool(self.built.clips_of(path))

    def _damaged(self, reason: str) -> CatalogueDamaged:
        return CatalogueDamaged(f"{self.location} {reason}: push the catalogue again.")


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
