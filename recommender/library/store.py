"""Remembers the analysis of each file by its content, so that nothing is embedded twice."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.embedders import registry
from recommender.errors import BuildFailed
from recommender.library.embedding.fingerprints import Fingerprint
from recommender.library.embedding.windowing import AnalysedWindow, Analysis
from recommender.library.scanning import FoundFile

FORMAT = 1
SETTLED_NS = 2_000_000_000
"""A file that was changed so shortly before it was hashed may have changed again within its clock's resolution."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stamps (
    path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, ctime INTEGER, seen INTEGER, sha256 TEXT NOT NULL,
    indexed TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mounts (path TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS heard (
    sha256 TEXT NOT NULL, space TEXT NOT NULL, seconds REAL, metadata TEXT, windows TEXT, vectors BLOB,
    fingerprint BLOB, error TEXT, message TEXT, incomplete TEXT, PRIMARY KEY (sha256, space)
);
"""
_ADDED = {
    "stamps": ("indexed TEXT", "UPDATE stamps SET indexed = sha256"),
    "heard": ("incomplete TEXT", ""),
}
"""Columns that 0.1 did not have, and what fills them."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is remembered of a file's content. error: code and message where it could not be embedded."""

    sha256: str
    analysis: Analysis | None
    metadata: Mapping[str, str]
    error: tuple[str, str] | None


def memory_key(space: str) -> str:
    """Return what analyses in a space are remembered under: audio prepared or pooled otherwise is another analysis."""
    spec = registry.of_space(space)
    return f"{space}/{spec.preparation}/{spec.pooling}"


class Store:
    """The memory of one library, in a folder beside its catalogue; one process at a time may write."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise BuildFailed(
                f"{folder} cannot be written: {error.strerror}. Choose another place for the catalogue."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise BuildFailed("Another build of this catalogue is running: wait for it, or end it.") from None
        try:
            self._db = sqlite3.connect(folder / "heard.sqlite", isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._require_format()
            self._db.executescript(_SCHEMA)
            self._add_columns()
        except sqlite3.Error as error:
            os.close(self._lock)
            raise BuildFailed(
                f"The memory in {folder} cannot be used ({error}): delete that folder, and all is embedded anew."
            ) from error

    def close(self) -> None:
        """Let go of the memory."""
        self._db.close()
        os.close(self._lock)

    def known_stamps(self) -> dict[str, tuple[tuple[int, int, int], str]]:
        """Return stamp and hash of the files whose hash can be relied on while their stamp stays the same."""
        rows = self._db.execute(
            "SELECT path, size, mtime, ctime, sha256 FROM stamps WHERE max(mtime, ctime) + ? < seen", (SETTLED_NS,)
        )
        return {path: ((size, mtime, ctime), sha256) for path, size, mtime, ctime, sha256 in rows}

    def keep_stamps(self, hashes: Iterable[tuple[FoundFile, str]]) -> None:
        """Remember the hashes of files."""
        now = time.time_ns()
        rows = [(file.path, *file.stamp, now, sha256) for file, sha256 in hashes]
        sql = (
            "INSERT INTO stamps (path, size, mtime, ctime, seen, sha256) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET size = excluded.size, mtime = excluded.mtime, ctime = excluded.ctime, "
            "seen = excluded.seen, sha256 = excluded.sha256"
        )
        with self._transaction():
            self._db.executemany(sql, rows)

    def indexed(self) -> dict[str, str]:
        """Return the sha256 of the files of the last build that came to its end, by path."""
        return dict(self._db.execute("SELECT path, indexed FROM stamps WHERE indexed IS NOT NULL").fetchall())

    def mounts(self) -> set[str]:
        """Return the folders of other disks that the last build has seen."""
        return {path for (path,) in self._db.execute("SELECT path FROM mounts")}

    def keep_indexed(self, hashes: Mapping[str, str], mounts: Iterable[str]) -> None:
        """Remember that a build came to its end, with these files; the analysis of others stays, for when they come
        back."""
        rows = self._db.execute("SELECT path, indexed FROM stamps").fetchall()
        gone = [(path,) for path, _ in rows if path not in hashes]
        new = [(hashes[path], path) for path, sha256 in rows if hashes.get(path, sha256) != sha256]
        with self._transaction():
            self._db.executemany("DELETE FROM stamps WHERE path = ?", gone)
            self._db.executemany("UPDATE stamps SET indexed = ? WHERE path = ?", new)
            self._db.execute("DELETE FROM mounts")
            self._db.executemany("INSERT INTO mounts VALUES (?)", [(path,) for path in mounts])

    def outcomes(self, space: str) -> dict[str, str | None]:
        """Return, for all content embedded in a space, the error's code, or None where all went well."""
        return dict(self._db.execute("SELECT sha256, error FROM heard WHERE space = ?", (space,)).fetchall())

    def forget_failures(self, space: str) -> None:
        """Forget errors, so that those files are tried again."""
        self._db.execute("DELETE FROM heard WHERE space = ? AND error IS NOT NULL", (space,))

    def keep_analysis(
        self,
        sha256: str,
        space: str,
        analysis: Analysis,
        metadata: Mapping[str, str],
        incomplete: str | None = None,
    ) -> None:
        """Remember an analysis; it is on disk, or will be though the process is killed now. incomplete: what is missing
        of the file's sound."""
        cuts = [[window.start, window.end, window.tags] for window in analysis.windows]
        vectors = np.stack([window.vector for window in analysis.windows]).astype("<f4").tobytes()
        prints = analysis.fingerprint.astype("<u4").tobytes()
        row = (
            sha256,
            space,
            analysis.seconds,
            json.dumps(dict(metadata)),
            json.dumps(cuts),
            vectors,
            prints,
            None,
            None,
            incomplete,
        )
        self._db.execute("INSERT OR REPLACE INTO heard VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def keep_failure(self, sha256: str, space: str, code: str, message: str) -> None:
        """Remember that this content cannot be embedded into a space; code and message: of the error."""
        sql = "INSERT OR REPLACE INTO heard (sha256, space, error, message) VALUES (?, ?, ?, ?)"
        self._db.execute(sql, (sha256, space, code, message))

    def recordings(self, hashes: Iterable[str], space: str) -> Iterator[Recording]:
        """Return what is remembered of these hashes, in their order; unknown ones are left out."""
        sql = "SELECT seconds, metadata, windows, vectors, fingerprint, error, message FROM heard WHERE sha256 = ?"
        for sha256 in hashes:
            row = self._db.execute(f"{sql} AND space = ?", (sha256, space)).fetchone()
            if row is None:
                continue
            if row[5] is not None:
                yield Recording(sha256, None, {}, (row[5], row[6]))
            else:
                yield Recording(sha256, _analysis(*row[:5]), json.loads(row[1]), None)

    def incomplete(self, space: str) -> dict[str, str]:
        """Return what is missing of the sound of files that were cut or damaged, by sha256."""
        sql = "SELECT sha256, incomplete FROM heard WHERE space = ? AND incomplete IS NOT NULL"
        return dict(self._db.execute(sql, (space,)).fetchall())

    def metadata(self, hashes: Iterable[str], space: str) -> dict[str, dict[str, str]]:
        """Return what the files said of themselves."""
        wanted = set(hashes)
        rows = self._db.execute("SELECT sha256, metadata FROM heard WHERE space = ? AND error IS NULL", (space,))
        return {sha256: json.loads(metadata) for sha256, metadata in rows if sha256 in wanted}

    def fingerprint(self, sha256: str, space: str) -> Fingerprint:
        """Return one recording's fingerprint; empty where it is unknown."""
        sql = "SELECT fingerprint FROM heard WHERE sha256 = ? AND space = ?"
        row = self._db.execute(sql, (sha256, space)).fetchone()
        return np.frombuffer(row[0] if row and row[0] else b"", "<u4").astype(np.uint32)

    def _require_format(self) -> None:
        found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if found not in (0, FORMAT):
            raise sqlite3.DatabaseError(f"format {found}, this version reads {FORMAT}")
        self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _add_columns(self) -> None:
        for table, (column, filling) in _ADDED.items():
            known = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if column.split()[0] not in known:
                with self._transaction():
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
                    self._db.execute(filling)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _analysis(seconds: float, _metadata: str, windows: str, vectors: bytes, fingerprint: bytes) -> Analysis:
    cuts = json.loads(windows)
    rows = np.frombuffer(vectors, "<f4").reshape(len(cuts), -1).astype(np.float32)
    return Analysis(
        seconds,
        tuple(
            AnalysedWindow(float(start), float(end), row, tuple((str(name), float(score)) for name, score in tags))
            for (start, end, tags), row in zip(cuts, rows, strict=True)
        ),
        np.frombuffer(fingerprint, "<u4").astype(np.uint32),
    )
