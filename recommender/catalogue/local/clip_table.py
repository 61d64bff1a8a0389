"""clips.sqlite: clips and labels, looked up by item, clip id, source and label."""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.measures import Bound, number_of
from recommender.catalogue.name_index import ELSEWHERE, IN_TITLE, POSTING, Postings
from recommender.clips import Fields
from recommender.errors import CatalogueDamaged
from recommender.spelling import indexed_words, name_words

LISTS_KEPT = 16
"""Lists of items per label or length held in memory: filters come in runs, and AudioSet's longest list has 8 MB."""
COMBINATIONS_KEPT = 100_000
"""Combinations of labels whose written form is remembered during a build; AudioSet has about as many."""
ROWS_LABELS_KEPT = 4096
"""Combinations of labels whose names are kept while clips are read: a megabyte at most."""
CACHE_KILOBYTES = 512
"""What a process keeps of the file: the system's own cache, which all share, is as fast (SQLite's default: 2 MB)."""
ROWS_READ = 10_000
NEIGHBOURS_IN_SPELLING = 40
"""Clip ids fetched on each side of a misspelt one, to choose suggestions from."""

_SCHEMA = """
CREATE TABLE clips (
    item INTEGER PRIMARY KEY, clip_id TEXT NOT NULL, source TEXT NOT NULL, start REAL NOT NULL, end REAL NOT NULL,
    labels TEXT NOT NULL, title TEXT, url TEXT
);
CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL, clips INTEGER NOT NULL, items BLOB NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, items BLOB NOT NULL);
CREATE TABLE told (source TEXT PRIMARY KEY, fields TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE measures (
    name TEXT, value REAL, source TEXT, PRIMARY KEY (name, value, source)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE names USING fts5(
    title, words, content = '', tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);
"""
_INDEXES = """
CREATE UNIQUE INDEX clips_by_id ON clips (clip_id);
CREATE INDEX clips_by_source ON clips (source);
"""
_WANTED = "FROM json_each(?) AS wanted CROSS JOIN clips ON item = wanted.value ORDER BY wanted.key"
_UNSEARCHABLE = "unsearchable"
_LENGTHS = "lengths"

Items = NDArray[np.int64]
AddedClip = tuple[str, str, float, float, tuple[str, ...], str | None, str | None, str, Fields]


class ClipRow(NamedTuple):
    """A clip as the table holds it; title and url are None where they follow from the source."""

    item: int
    clip_id: str
    source: str
    start: float
    end: float
    labels: tuple[str, ...]
    title: str | None
    url: str | None
    fields: Fields


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """A label and how many clips have it."""

    id: int
    name: str
    clips: int


class ClipTableWriter:
    """Writes clips.sqlite once, in the order of items; what fails on disk is a `sqlite3.Error`."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        # The folder is thrown away when a build fails, so there is nothing to roll back to.
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        self._label_ids: dict[str, int] = {}
        self._postings: list[array[int]] = []
        self._combinations: dict[tuple[str, ...], tuple[str, list[array[int]]]] = {}
        self._last_source: str | None = None
        self.count = 0

    @property
    def labels(self) -> int:
        """How many labels the clips have so far."""
        return len(self._label_ids)

    def add(self, clips: Sequence[AddedClip]) -> None:
        """Append clips: clip id, source, start, end, labels, title, url, words, fields. A source is found by the title
        and the words of its first clip, and has that one's fields."""
        rows, names, told, measures = [], [], [], []
        known = self._combinations
        if len(known) > COMBINATIONS_KEPT:
            known.clear()
        for item, (clip_id, source, start, end, labels, title, url, words, fields) in enumerate(clips, self.count):
            # The same few labels come together again and again.
            written = known.get(labels)
            if written is None:
                ids = [self._label_id(label) for label in dict.fromkeys(labels)]
                written = known[labels] = ",".join(map(str, ids)), [self._postings[label_id] for label_id in ids]
            text, postings = written
            for posting in postings:
                posting.append(item)
            rows.append((item, clip_id, source, start, end, text, title, url))
            if (title or words) and source != self._last_source:
                names.append((item, " ".join(indexed_words(title or "")), " ".join(indexed_words(words))))
            if fields:
                told.append((source, json.dumps(fields)))
            if fields and source != self._last_source:
                numbers = ((name, number_of(name, text), source) for name, text in fields)
                measures += [number for number in numbers if number[1] is not None]
            self._last_source = source
        self._db.executemany("INSERT INTO clips VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO names (rowid, title, words) VALUES (?, ?, ?)", names)
        self._db.executemany("INSERT OR IGNORE INTO told VALUES (?, ?)", told)
        self._db.executemany("INSERT OR IGNORE INTO measures VALUES (?, ?, ?)", measures)
        self.count += len(rows)

    def finish(self, unsearchable: Items, lengths: NDArray[np.float64] | None = None) -> int:
        """Write labels and indexes, and close; returns the number of sources.

        unsearchable: items without a vector; lengths: what each clip vector was divided by, where that is wanted.
        """
        rows = (
            (label_id, name, len(items), items.tobytes())
            for (name, label_id), items in zip(self._label_ids.items(), self._postings, strict=True)
        )
        self._db.executemany("INSERT INTO labels VALUES (?, ?, ?, ?)", rows)
        self._db.execute("INSERT INTO facts VALUES (?, ?)", (_UNSEARCHABLE, unsearchable.astype("<i4").tobytes()))
        if lengths is not None:
            self._db.execute("INSERT INTO facts VALUES (?, ?)", (_LENGTHS, lengths.astype("<f8").tobytes()))
        self._db.execute("COMMIT")
        self._db.executescript(_INDEXES)
        self._db.execute("ANALYZE")
        sources = int(self._db.execute("SELECT count(DISTINCT source) FROM clips").fetchone()[0])
        self._db.close()
        return sources

    def close(self) -> None:
        """Let go of the file, finished or not."""
        self._db.close()

    def _label_id(self, label: str) -> int:
        known = self._label_ids.get(label)
        if known is None:
            known = self._label_ids[label] = len(self._label_ids)
            self._postings.append(array("i"))
        return known


class ClipTable:
    """Reads clips.sqlite; one connection for all threads, opened once, so that a replaced file cannot mix in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._damage():
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False, isolation_level=None
            )
        try:
            with self._reading() as db:
                db.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
                rows = db.execute("SELECT id, name, clips FROM labels ORDER BY id").fetchall()
                tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                # Catalogues that were built before there were measures have none.
                known = db.execute("SELECT DISTINCT name FROM measures") if "measures" in tables else ()
                self.measures = frozenset(str(row[0]) for row in known)
                silent = db.execute("SELECT items FROM facts WHERE name = ?", (_UNSEARCHABLE,)).fetchone()
        except CatalogueDamaged:
            self._db.close()
            raise
        self._has_names, self._has_told = "names" in tables, "told" in tables
        self.labels = tuple(LabelFacts(int(id_), str(name), int(clips)) for id_, name, clips in rows)
        self.unsearchable: Items = np.frombuffer(silent[0] if silent else b"", "<i4").astype(np.int64)
        self._by_name = {label.name: label for label in self.labels}
        self.label_counts = {label.name: label.clips for label in self.labels}
        # Not functools.lru_cache: with a method in it, it would keep the table, and the catalogue's files, open.
        self._lists: Kept[Hashable, Items] = Kept(LISTS_KEPT)
        self._combinations: Kept[str, tuple[str, ...]] = Kept(ROWS_LABELS_KEPT)

    def close(self) -> None:
        """Let go of the file; the table cannot be asked afterwards."""
        with self._lock:
            self._db.close()

    def rows(self, items: Sequence[int]) -> list[ClipRow]:
        """Return the clips of these items, in this order; items that do not exist are left out."""
        # Catalogues that were built before fields were kept have none.
        fields = "(SELECT fields FROM told WHERE told.source = clips.source)" if self._has_told else "NULL"
        sql = f"SELECT item, clip_id, source, start, end, labels, title, url, {fields} {_WANTED}"
        with self._reading() as db:
            found = db.execute(sql, (json.dumps(items),)).fetchall()
        return [self._row(row) for row in found]

    def sources(self, items: Sequence[int]) -> list[str]:
        """Return the source of each item."""
        with self._reading() as db:
            return [str(row[0]) for row in db.execute(f"SELECT source {_WANTED}", (json.dumps(items),))]

    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id."""
        with self._reading() as db:
            row = db.execute("SELECT item FROM clips WHERE clip_id = ?", (clip_id,)).fetchone()
        return None if row is None else int(row[0])

    def items_of_source(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips, in the order of their starts."""
        sql = "SELECT item, start, end FROM clips WHERE source = ? ORDER BY start, item"
        with self._reading() as db:
            return [(int(item), float(start), float(end)) for item, start, end in db.execute(sql, (source,))]

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what the clip vectors were divided by, one value per item; None where that was not kept."""
        with self._reading() as db:
            row = db.execute("SELECT items FROM facts WHERE name = ?", (_LENGTHS,)).fetchone()
        return None if row is None else np.frombuffer(row[0], "<f8")

    def items_with(self, name: str) -> Items:
        """Return the items that have a label, ascending."""
        return self._kept(name, lambda: self._read_items_with(name))

    def items_lasting(self, chosen: Filter) -> Items:
        """Return the items whose source lasts as long as a filter wants, ascending."""
        return self._kept((chosen.longer, chosen.shorter), lambda: self._read_items_lasting(chosen))

    def items_told(self, bound: Bound) -> Items:
        """Return the items whose file tells a measure within a bound, ascending."""
        return self._kept(bound, lambda: self._read_items_told(bound))

    def named(self, text: str, limit: int) -> list[int]:
        """Return the first items of at most `limit` sources whose names hold all words of a text, the last of them
        perhaps not to its end; the best first. None where the catalogue was built without names."""
        words = name_words(text)
        if not words or not self._has_names:
            return []
        quoted = " AND ".join(f'"{word}"' for word in words)
        sql = "SELECT rowid FROM names WHERE names MATCH ? ORDER BY bm25(names, ?, ?), rowid LIMIT ?"
        with self._reading() as db:
            return [int(row[0]) for row in db.execute(sql, (f"{quoted}*", IN_TITLE, ELSEWHERE, limit))]

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word by which sources are found, in the order of code points, and where it stands."""
        if not self._has_names:
            return
        with self._reading() as db:
            db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.standing USING fts5vocab(main, names, instance)")
            lengths = dict(db.execute("SELECT doc, count(*) FROM standing GROUP BY doc"))
            cursor = db.execute(
                "SELECT term, doc, sum(col = 'title'), sum(col = 'words') FROM standing GROUP BY term, doc"
            )
        for word, rows in groupby(self._read(cursor), key=lambda row: str(row[0])):
            found = [
                (doc, min(lengths[doc], 65_535), min(title, 255), min(words, 255)) for _, doc, title, words in rows
            ]
            yield word, np.array(found, POSTING)

    def clip_ids_near(self, clip_id: str) -> list[str]:
        """Return clip ids that stand beside a misspelt one in the alphabet."""
        after = "SELECT clip_id FROM clips WHERE clip_id >= ? ORDER BY clip_id LIMIT ?"
        before = "SELECT clip_id FROM clips WHERE clip_id < ? ORDER BY clip_id DESC LIMIT ?"
        with self._reading() as db:
            rows = [db.execute(sql, (clip_id, NEIGHBOURS_IN_SPELLING)).fetchall() for sql in (after, before)]
        return [str(row[0]) for part in rows for row in part]

    def clip_ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""
        sql = "SELECT clip_id FROM json_each(?) CROSS JOIN clips ON source = json_each.value"
        with self._reading() as db:
            return [str(row[0]) for row in db.execute(sql, (json.dumps(sources),))]

    def names(self) -> list[tuple[str, str]]:
        """Return each source and its title."""
        with self._reading() as db:
            return db.execute("SELECT source, coalesce(title, source) FROM clips GROUP BY source").fetchall()

    def check(self) -> None:
        """Read every page; raises `CatalogueDamaged` where one is broken."""
        with self._reading() as db:
            verdict = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if verdict != "ok":
            raise CatalogueDamaged(f"{self._path} is damaged ({verdict}): build the catalogue again.")

    def _read(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a question that are too many to hold, while others are asked."""
        while True:
            with self._reading():
                rows = cursor.fetchmany(ROWS_READ)
            if not rows:
                return
            yield from rows

    def _kept(self, key: Hashable, read: Callable[[], Items]) -> Items:
        items = self._lists.get(key)
        return self._lists.keep(key, read()) if items is None else items

    def _read_items_lasting(self, chosen: Filter) -> Items:
        sql = (
            "SELECT item FROM clips WHERE source IN (SELECT source FROM clips GROUP BY source "
            "HAVING max(end) - min(start) BETWEEN ? AND ?) ORDER BY item"
        )
        with self._reading() as db:
            rows = db.execute(sql, (chosen.longer, chosen.shorter))
            return np.fromiter((row[0] for row in rows), np.int64)

    def _read_items_told(self, bound: Bound) -> Items:
        sql = (
            "SELECT item FROM clips WHERE source IN "
            "(SELECT source FROM measures WHERE name = ? AND value BETWEEN ? AND ?) ORDER BY item"
        )
        if bound[0] not in self.measures:
            return np.empty(0, np.int64)
        with self._reading() as db:
            return np.fromiter((row[0] for row in db.execute(sql, bound)), np.int64)

    def _read_items_with(self, name: str) -> Items:
        label = self._by_name.get(name)
        if label is None:
            return np.empty(0, np.int64)
        with self._reading() as db:
            blob = db.execute("SELECT items FROM labels WHERE id = ?", (label.id,)).fetchone()[0]
        items: Items = np.frombuffer(blob, "<i4").astype(np.int64)
        items.flags.writeable = False
        return items

    def _row(self, row: tuple[int, str, str, float, float, str, str | None, str | None, str | None]) -> ClipRow:
        item, clip_id, source, start, end, labels, title, url, told = row
        names = self._combinations.get(labels)
        if names is None:
            try:
                names = tuple(self.labels[int(part)].name for part in labels.split(",")) if labels else ()
            except (ValueError, IndexError):
                raise self._damaged("a clip has a label that is not listed") from None
            self._combinations.keep(labels, names)
        try:
            fields = tuple((str(name), str(value)) for name, value in json.loads(told)) if told else ()
        except (TypeError, ValueError):
            raise self._damaged("what a file says of itself cannot be read") from None
        return ClipRow(item, clip_id, source, start, end, names, title, url, fields)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._damage():
            yield self._db

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Whatever SQLite finds wrong is a damaged catalogue."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, reason: str) -> CatalogueDamaged:
        return CatalogueDamaged(f"{self._path} is damaged ({reason}): build the catalogue again.")
