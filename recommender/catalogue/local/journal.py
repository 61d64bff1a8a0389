"""What was added to a catalogue since it was built: a file beside it, searched exactly beside the index.

Every process that has the catalogue open reads on when the journal has grown, and so finds at once what another added.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recommender.catalogue import jsonl
from recommender.catalogue.base import Addition
from recommender.catalogue.growing import NOTHING, Added, added_of, entry_of
from recommender.catalogue.local.clip_table import ClipTable
from recommender.catalogue.local.files import CLIPS
from recommender.catalogue.local.manifest import Manifest
from recommender.errors import CatalogueError

JOURNAL = "added.jsonl"


class Journal:
    """Reads what was added beside one catalogue, again whenever the journal has changed. Safe for several threads.

    knows: whether the catalogue holds a source by now, so that it need not be searched beside it.
    """

    def __init__(self, folder: Path, manifest: Manifest, library_url: str | None, knows: Callable[[str], bool]) -> None:
        self._path = memory_of(folder) / JOURNAL
        self._manifest = manifest
        self._library_url = library_url
        self._knows = knows
        self._lock = threading.Lock()
        self._state: tuple[int, int, int] | None = None
        self._added = NOTHING

    def added(self) -> Added:
        """Return what is beside the catalogue now."""
        try:
            facts = self._path.stat()
        except OSError:
            return NOTHING
        state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        with self._lock:
            if state != self._state:
                self._added = self._read(f"{facts.st_ino}-{facts.st_size}")
                self._state = state
            return self._added

    def append(self, addition: Addition) -> None:
        """Write down an addition; raises OSError."""
        self._path.parent.mkdir(exist_ok=True)
        with _locked(self._path):
            number = max((w["number"] + 1 for entry in _entries(self._path) for w in entry["windows"]), default=0)
            jsonl.append(self._path, entry_of(addition, self._manifest, number))

    def _read(self, version: str) -> Added:
        return added_of(_entries(self._path), self._manifest, self._library_url, self._knows, version)


def memory_of(folder: Path) -> Path:
    """Return the folder beside a catalogue that remembers what was embedded for it and what was added."""
    resolved = folder.resolve()
    return resolved.with_name(f"{resolved.name}.library")


def prune(folder: Path, standing: Manifest, missing_too: bool) -> None:
    """Drop from the journal what the catalogue that stands in the folder holds: running processes have it from there
    by now; missing_too: also files that are no longer where they were put."""
    path = memory_of(folder) / JOURNAL
    if not path.exists():
        return
    try:
        table = ClipTable(folder / CLIPS)
    except CatalogueError:
        return
    try:
        held = {copy for paths in standing.extra.get("copies", {}).values() for copy in paths}
        root = Path(str(standing.extra.get("folder")))
        with _locked(path):
            entries = list(_entries(path))
            left = [
                entry
                for entry in entries
                if entry["path"] not in held
                and not table.items_of_source(entry["path"])
                and not (missing_too and not (root / entry["path"]).exists())
            ]
            if len(left) < len(entries):
                jsonl.rewrite(path, left)
    finally:
        table.close()


def _locked(journal: Path) -> Any:
    return jsonl.locked(journal.with_name(f"{JOURNAL}.lock"))


def _entries(journal: Path) -> Iterator[dict[str, Any]]:
    return (entry for entry in jsonl.read(journal) if entry.get("windows"))
