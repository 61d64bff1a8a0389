"""A catalogue in PostgreSQL: opened by its address, searched by statements, of which each sees one catalogue alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Addition, Facts
from recommender.catalogue.postgres import additions
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.built import BuiltTables
from recommender.catalogue.postgres.connections import Connections
from recommender.catalogue.postgres.tables import FORMAT, OLDEST_PGVECTOR, Tables, indexes
from recommender.catalogue.remote.catalogue import RemoteCatalogue
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.vocabulary import Vocabulary
from recommender.embedders.spaces import refuse_retired
from recommender.errors import CatalogueDamaged, NoCatalogue


class PostgresCatalogue(RemoteCatalogue):
    """A catalogue in PostgreSQL, opened by `PostgresCatalogue.open`."""

    built: BuiltTables

    def __init__(self, connections: Connections, facts: RemoteFacts, library_url: str | None) -> None:
        super().__init__(facts, connections.address.shown, library_url, connections.away)
        self.tables = Tables(connections.address.schema, facts.id, facts.dimension)
        self.built = BuiltTables(connections, self.tables, facts, library_url)
        self._connections = connections
        words = connections.rows(self.tables.sql("SELECT vocabulary FROM {catalogues} WHERE id = %s"), (facts.id,))
        if words and words[0][0]:
            self.vocabulary = Vocabulary.from_bytes(words[0][0], facts.extra, self.location)

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> PostgresCatalogue:
        """Check the catalogue that is current in the schema, and ask its known answers; raises a `CatalogueError`."""
        connections = Connections(Address.parse(str(location)))
        try:
            catalogue = cls(connections, current_facts(connections), library_url)
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
            return current_facts(connections)
        finally:
            connections.close()

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what raw-frames vectors were divided by."""
        if self.facts.recipe.pooling != "raw-frames":
            return None
        statement = self.tables.sql("SELECT length FROM {clips} ORDER BY item")
        rows = self._connections.rows(statement, binary=True, limited=False)
        return np.array([row[0] for row in rows], np.float64)

    def reopen(self) -> PostgresCatalogue:
        """Open the catalogue that is current now, on the same connections."""
        catalogue = PostgresCatalogue(self._connections, current_facts(self._connections), self._library_url)
        catalogue.check()
        catalogue.look()
        return catalogue

    def check(self) -> None:
        """Compare tables, indexes and known answers with what was pushed; raises `CatalogueDamaged`."""
        names = indexes(self.built.searcher.labels.numbers_of(self.facts.own))
        rows = self._connections.rows(
            self.tables.sql(
                "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'), "
                "(SELECT max(item) + 1 FROM {clips}), (SELECT count(*) FROM pg_index JOIN pg_class ON oid = indexrelid "
                "WHERE indrelid = %s::regclass AND indisvalid AND relname = ANY(%s))"
            ),
            (self.tables.sql("{clips}").as_string(), [self.tables.index(name) for name in names]),
        )
        ((version, clips, valid),) = rows
        if tuple(map(int, str(version).split(".")[:2])) < OLDEST_PGVECTOR:
            raise CatalogueDamaged(
                f"{self.location} has pgvector {version}: update it to {'.'.join(map(str, OLDEST_PGVECTOR))} or newer."
            )
        if clips != len(self):
            raise self._damaged(f"holds {clips or 0:,} clips where {len(self):,} were pushed")
        if valid != len(names):
            raise self._damaged("lacks an index")
        self.check_answers()

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
        self.built.name_reader.check()
        return f"{len(self):,} clips, {len(self.facts.known_answers)} known answers right"

    def describe(self) -> dict[str, Any]:
        """Return the index's parameters, what was measured with filters, and the sizes of tables and indexes."""
        statement = self.tables.sql(
            "SELECT pg_table_size(%(t)s), pg_indexes_size(%(t)s), (SELECT sum(pg_relation_size(indexrelid))::bigint "
            "FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = %(t)s::regclass AND relname LIKE %(h)s)"
        )
        names = {"t": self.tables.sql("{clips}").as_string(), "h": self.tables.index("hnsw").replace("_", r"\_") + "%"}
        ((table, all_, hnsw),) = self._connections.rows(statement, names)
        return {**super().describe(), "bytes": {"table": table, "indexes": all_, "hnsw": hnsw}}

    def close(self) -> None:
        """Close the connections; the catalogue cannot be asked afterwards."""
        self._connections.close()

    def _now(self) -> tuple[object, object]:
        statement = "SELECT (SELECT id FROM {catalogues} WHERE current), (SELECT coalesce(max(number), 0) FROM {added})"
        ((seen, newest),) = self._connections.rows(self.tables.sql(statement))
        return seen, newest

    def _entries(self) -> tuple[Sequence[Mapping[str, Any]], str]:
        rows = self._connections.rows(self.tables.sql("SELECT number, entry FROM {added} ORDER BY number"))
        return [json.loads(entry) for _, entry in rows], str(rows[-1][0]) if rows else ""

    def _append(self, addition: Addition) -> None:
        additions.append(self._connections.address, addition, self.facts)


def current_facts(connections: Connections) -> RemoteFacts:
    """Return what the catalogue that is current says of itself; raises `NoCatalogue`, `CatalogueDamaged`."""
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
    if format_ != FORMAT:
        raise CatalogueDamaged(
            f"{shown} holds a catalogue of format {format_}, this version reads {FORMAT}: push it again with "
            "`python -m recommender push FOLDER URL`."
        )
    facts = RemoteFacts.from_text(text, projection, shown)
    refuse_retired(facts.space, Path(shown), facts.extra.get("folder"))
    return facts
