"""Brings a catalogue into PostgreSQL: in blocks, so that a push that broke off goes on where it was, and taken up in
one transaction once its known answers come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.copy import QueuedLibpqWriter
from tqdm import tqdm

from recommender.catalogue.base import Catalogue, Pushed, Vectors
from recommender.catalogue.postgres.address import Address
from recommender.catalogue.postgres.catalogue import PostgresCatalogue, current_facts
from recommender.catalogue.postgres.connections import Connection, Connections, connect, reason_of
from recommender.catalogue.postgres.rows import SIGNATURE, TRAILER, Rows
from recommender.catalogue.postgres.tables import (
    CATALOGUE,
    COPIED,
    FORMAT,
    LASTS,
    MOST_DIMENSIONS,
    ROOT,
    Tables,
    indexes,
)
from recommender.catalogue.remote import away
from recommender.catalogue.remote.away import unavailable
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.pushing import Reading
from recommender.clips import Clip
from recommender.errors import BuildFailed, CatalogueDamaged
from recommender.terminal import bar_options

BLOCK_CLIPS = 20_000
"""So many are copied in one transaction."""
READ_CLIPS = 2_000
M, EF_CONSTRUCTION = 16, 200
INDEX = {"kind": "hnsw", "m": M, "ef_construction": EF_CONSTRUCTION, "precision": "half"}
BUILD_MEGABYTES = 1024
"""Memory that the server may take to build the index; 0.8 kB a clip of 128 dimensions is enough."""
OWN_SHARE, MOST_OWN = 0.01, 32
"""Of AudioSet's balanced clips 19 labels: their indexes together are nearly as large as that of all clips."""
LOOK_SECONDS = 0.5


def push(
    catalogue: Catalogue, location: str, *, build_megabytes: int = BUILD_MEGABYTES, progress: bool = True
) -> Pushed:
    """Bring a catalogue into the schema at a location, in the place of the one that is current there.

    The one that was current stays until the next push, for those who still answer from it. Raises `BuildFailed`,
    `CatalogueUnavailable`, `CatalogueDamaged`; what is current is then untouched.
    """
    address = Address.parse(location)
    if catalogue.facts.dimension > MOST_DIMENSIONS:
        raise BuildFailed(f"PostgreSQL indexes at most {MOST_DIMENSIONS} dimensions: build with --vectors mean.")
    try:
        with connect(address) as connection:
            facts = RemoteFacts.of(catalogue, INDEX, OWN_SHARE, MOST_OWN)
            return _Push(connection, catalogue, address, build_megabytes, progress, Reading(catalogue), facts).run()
    except psycopg.OperationalError as error:
        raise unavailable(reason_of(error)) from error
    except psycopg.Error as error:
        message = str(error).strip().splitlines()[0]
        raise BuildFailed(
            f"{address.shown} does not take the catalogue ({message}): mend that, and push again."
        ) from error


def reach(location: str) -> None:
    """Ask a server whether it answers; raises a `CatalogueError`."""
    connections = Connections(Address.parse(location))
    try:
        connections.rows(psycopg.sql.Composed([psycopg.sql.SQL("SELECT 1")]))
    finally:
        connections.close()


@dataclass(slots=True)
class _Push:
    connection: Connection
    catalogue: Catalogue
    address: Address
    build_megabytes: int
    progress: bool
    reading: Reading
    facts: RemoteFacts

    def run(self) -> Pushed:
        facts = self.catalogue.facts
        tables = Tables(self.address.schema, facts.id, facts.dimension)
        with self._alone():
            self.connection.execute(tables.sql(ROOT))
            known = "SELECT loaded, current, format FROM {catalogues} WHERE id = %s"
            row = self.connection.execute(tables.sql(known), (facts.id,)).fetchone()
            if row is not None and not self._whole(tables, *row):
                self._drop(tables)
                row = None
            if row is not None and row[1]:
                return Pushed()
            began = time.perf_counter()
            loaded = self._begin(tables) if row is None else int(row[0])
            self._copy(tables, loaded)
            copied = time.perf_counter()
            self._index(tables)
            indexed = time.perf_counter()
            self._measure(tables)
            measured = time.perf_counter()
            self._take_up(tables)
        return Pushed(len(self.catalogue) - loaded, copied - began, indexed - copied, measured - indexed)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the schema for this push; the lock goes with a transaction, which has a session also in a pooler."""
        lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('soundalike ' || %s, 0))"
        with connect(self.address) as holder, holder.transaction():
            if holder.execute(lock, (self.address.schema,)).fetchone() != (True,):
                raise BuildFailed(f"Another push into {self.address.shown} is under way: let it finish first.")
            yield

    def _whole(self, tables: Tables, loaded: int, current: bool, format_: int) -> bool:
        """Say whether what is there of the catalogue is as it was left; what is not is pushed anew."""
        there = "SELECT to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL"
        names = [tables.sql(name).as_string() for name in ("{clips}", "{labels}", "{names}")]
        if format_ != FORMAT or self.connection.execute(there, names).fetchone() != (True,):
            return False
        if not current:
            return self.connection.execute(tables.sql("SELECT count(*) FROM {clips}")).fetchone() == (loaded,)
        connections = Connections(self.address)
        try:
            standing = PostgresCatalogue(connections, current_facts(connections), None)
            standing.check()
            standing.built.name_reader.check()
        except CatalogueDamaged:
            return False
        finally:
            connections.close()
        return True

    def _drop(self, tables: Tables) -> None:
        with self.connection.transaction():
            self.connection.execute(tables.sql("DROP TABLE IF EXISTS {clips}, {labels}, {names}"))
            self.connection.execute(tables.sql("DELETE FROM {catalogues} WHERE id = %s"), (tables.id,))

    def _begin(self, tables: Tables) -> int:
        facts = self.facts
        with self.connection.transaction():
            self.connection.execute(tables.sql(CATALOGUE))
            words = self.catalogue.vocabulary
            insert = "INSERT INTO {catalogues} (id, format, facts, projection, vocabulary) VALUES (%s, %s, %s, %s, %s)"
            row = (facts.id, FORMAT, facts.to_text(), facts.projection(), words and words.to_bytes())
            self.connection.execute(tables.sql(insert), row)
        return 0

    def _copy(self, tables: Tables, loaded: int) -> None:
        """Copy what is not loaded yet; the clips that are loaded are only read for their labels."""
        rows = Rows(self.catalogue.facts.extra.get("links"), self.reading.numbers)
        lengths = self.catalogue.lengths()
        columns = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, COPIED))
        copy = tables.sql("COPY {clips} ({columns}) FROM STDIN (FORMAT binary)", columns=columns)
        total = len(self.catalogue)
        with tqdm(total=total, desc="clips", unit="clip", unit_scale=True, **bar_options(self.progress)) as bar:
            for _ in self._blocks(0, loaded, bar):
                pass
            for first in range(loaded, total, BLOCK_CLIPS):
                stop = min(first + BLOCK_CLIPS, total)
                cursor = self.connection.cursor()
                with self.connection.transaction():
                    # Sent by a thread: the server takes rows while the next ones are formed.
                    with cursor.copy(copy, writer=QueuedLibpqWriter(cursor)) as target:
                        target.write(SIGNATURE)
                        for start, end, clips, vectors in self._blocks(first, stop, bar):
                            own = None if lengths is None else lengths[start:end].tolist()
                            target.write(rows.block(clips, vectors, own))
                        target.write(TRAILER)
                    update = "UPDATE {catalogues} SET loaded = %s WHERE id = %s"
                    self.connection.execute(tables.sql(update), (stop, tables.id))
        if self.facts.sources < self.facts.clips:
            self.connection.execute(tables.sql(LASTS))
        with self.connection.transaction():
            self.connection.execute(tables.sql("DELETE FROM {labels}"))
            counts = self.catalogue.label_counts()
            with self.connection.cursor().copy(tables.sql("COPY {labels} FROM STDIN")) as target:
                for name, number in self.reading.numbers.items():
                    target.write_row((number, name, counts[name]))
            names, blocks = self.reading.named()
            self.facts = replace(self.facts, names=names)
            self.connection.execute(tables.sql("DELETE FROM {names}"))
            with self.connection.cursor().copy(tables.sql("COPY {names} FROM STDIN")) as target:
                for place in enumerate(blocks):
                    target.write_row(place)

    def _blocks(self, first: int, stop: int, bar: Any) -> Iterator[tuple[int, int, Sequence[Clip], Vectors]]:
        """Return the clips from one item to another as they are read."""
        for block in self.reading.blocks([*range(first, stop, READ_CLIPS), stop] if first < stop else []):
            yield block
            bar.update(block[1] - block[0])

    def _index(self, tables: Tables) -> None:
        memory = f"{self.build_megabytes}MB"
        for name, text in indexes(map(self.reading.numbers.__getitem__, self.facts.own)).items():
            statement = tables.sql(
                text.replace("INDEX {index}", "INDEX IF NOT EXISTS {index}"),
                index=psycopg.sql.Identifier(tables.index(name)),
                m=psycopg.sql.Literal(M),
                ef_construction=psycopg.sql.Literal(EF_CONSTRUCTION),
            )
            with self._watched(name, tables), self.connection.transaction():
                self.connection.execute("SELECT set_config('maintenance_work_mem', %s, true)", (memory,))
                self.connection.execute(statement)
        self.connection.execute(tables.sql("ANALYZE {clips}"))

    @contextmanager
    def _watched(self, name: str, tables: Tables) -> Iterator[None]:
        """Show how far the server is with an index."""
        done = threading.Event()
        bar = tqdm(desc=f"index {name}", unit="clip", unit_scale=True, leave=False, **bar_options(self.progress))
        watcher = threading.Thread(target=self._watch, args=(bar, done, tables), daemon=True)
        if not bar.disable:
            watcher.start()
        try:
            yield
        finally:
            done.set()
            if watcher.is_alive():
                watcher.join()
            bar.close()

    def _watch(self, bar: Any, done: threading.Event, tables: Tables) -> None:
        statement = "SELECT tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE relid = to_regclass(%s)"
        names = (tables.sql("{clips}").as_string(),)
        with connect(self.address) as connection:
            while not done.wait(LOOK_SECONDS):
                row = connection.execute(statement, names).fetchone()
                if row is not None and row[1]:
                    bar.total, bar.n = row[1], row[0]
                    bar.refresh()

    def _measure(self, tables: Tables) -> None:
        connections = Connections(self.address, away.PUSH_SECONDS)
        try:
            opened = PostgresCatalogue(connections, self.facts, None)
            facts = self.reading.measured(self.facts, opened.built.searcher, self.progress)
            PostgresCatalogue(connections, facts, None).check()
        except CatalogueDamaged:
            # The next push would go on with it.
            self._drop(tables)
            raise
        finally:
            connections.close()
        update = "UPDATE {catalogues} SET facts = %s WHERE id = %s"
        self.connection.execute(tables.sql(update), (facts.to_text(), facts.id))

    def _take_up(self, tables: Tables) -> None:
        """Make the pushed catalogue current, and drop what neither is nor was current until now."""
        with self.connection.transaction():
            before = self.connection.execute(tables.sql("SELECT id FROM {catalogues} WHERE current")).fetchone()
            kept = [tables.id, *(before or ())]
            if before is not None:
                self._prune(tables, str(before[0]))
            self.connection.execute(tables.sql("UPDATE {catalogues} SET current = false WHERE current"))
            update = "UPDATE {catalogues} SET current = true, taken_up = now() WHERE id = %s"
            self.connection.execute(tables.sql(update), (tables.id,))
        old = "SELECT id FROM {catalogues} WHERE id <> ALL(%s)"
        for (id_,) in self.connection.execute(tables.sql(old), (kept,)).fetchall():
            self._drop(Tables(self.address.schema, str(id_)))

    def _prune(self, tables: Tables, before: str) -> None:
        """Forget what was added and is in the catalogue that was current: everybody has it from there by now."""
        row = self.connection.execute(tables.sql("SELECT facts FROM {catalogues} WHERE id = %s"), (before,)).fetchone()
        copies = json.loads(row[0])["extra"].get("copies", {}) if row else {}
        held = [path for paths in copies.values() for path in paths]
        old = Tables(self.address.schema, before)
        delete = "DELETE FROM {added} WHERE path = ANY(%s) OR path IN (SELECT source FROM {clips})"
        self.connection.execute(old.sql(delete), (held,))
