"""What was added to a catalogue since it was built: a file beside it, searched exactly beside the index.

Every process that has the catalogue open reads on when the journal has grown, and so finds at once what another added.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recommender.audio.preparation import PLAIN
from recommender.catalogue.base import Addition, Vectors
from recommender.catalogue.links import FILES, link_of
from recommender.catalogue.local import jsonl
from recommender.catalogue.local.clip_table import ClipTable
from recommender.catalogue.local.files import CLIPS
from recommender.catalogue.local.manifest import Manifest
from recommender.clips import Clip, clip_id
from recommender.errors import CatalogueError
from recommender.vectors import unit_rows

JOURNAL = "added.jsonl"


@dataclass(frozen=True, slots=True)
class Added:
    """Clips beside a catalogue. Their items follow the catalogue's; vectors: float32 (n, d) of unit length; version:
    changes with whatever is added; sources: by the sha256 of what was added."""

    clips: tuple[Clip, ...]
    vectors: Vectors
    version: str
    sources: Mapping[str, str] = field(default_factory=dict)


NOTHING = Added((), np.empty((0, 0), np.float32), "")


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
            windows = [
                {
                    "number": number + place,
                    "start": start,
                    "end": end,
                    "vector": base64.b64encode(row.astype("<f4").tobytes()).decode(),
                }
                for place, ((start, end), row) in enumerate(zip(addition.windows, addition.features, strict=True))
            ]
            entry = {
                "path": addition.source,
                "sha256": addition.sha256,
                "space": self._manifest.space,
                "preparation": self._manifest.recipe.prepared,
                "title": addition.title,
                "labels": list(addition.labels),
                "windows": windows,
            }
            jsonl.append(self._path, entry)

    def _read(self, version: str) -> Added:
        clips: list[Clip] = []
        rows: list[Vectors] = []
        sources = {}
        for entry in _entries(self._path):
            path = entry["path"]
            sources[str(entry["sha256"])] = str(path)
            made = entry.get("space"), entry.get("preparation", PLAIN)
            if made != (self._manifest.space, self._manifest.recipe.prepared) or self._knows(path):
                continue
            for window in entry["windows"]:
                start, end = float(window["start"]), float(window["end"])
                item = self._manifest.clips + int(window["number"])
                url = link_of(FILES, self._library_url, path, start, end)
                labels = tuple(entry["labels"])
                clips.append(Clip(item, clip_id(path, start), path, start, end, labels, entry["title"], url))
                rows.append(np.frombuffer(base64.b64decode(window["vector"]), "<f4"))
        vectors = unit_rows(self._manifest.recipe.finish(np.stack(rows))) if rows else NOTHING.vectors
        return Added(tuple(clips), vectors, version if clips else "", sources)


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
