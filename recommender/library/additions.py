"""Sounds that people add while the catalogue is in use: kept in the library's folder, and found at once.

Until the next build they are searched exactly beside the index: a journal in the library's memory holds their vectors,
and every process that has the catalogue open reads on when the journal has grown.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.local.manifest import Manifest
from recommender.clips import Clip
from recommender.errors import CannotWrite
from recommender.library import jsonl
from recommender.library.naming import clip_id, file_id, file_labels, link_to, title_of
from recommender.uploads import Upload
from recommender.vectors import unit_rows, window_means, windows

KIND = "library"
"""Value of `kind` in a manifest's extra: the catalogue was built from a folder."""
FOLDER = "Added from Slack"
"""Folder of the library that takes what people add; it is a label as well."""
JOURNAL = "added.jsonl"
HISTORY = ".added.jsonl"
"""Beside the files themselves, hidden: who added what and when."""
LONGEST_NAME_BYTES = 200
"""File systems take 255; a suffix and a number come on top."""

_UNSAFE = re.compile(r"[^\w .()+&'-]+")


@dataclass(frozen=True, slots=True)
class Added:
    """Clips beside a catalogue. Their items follow the catalogue's; vectors: float32 (n, d), centred, of unit length;
    version: changes with whatever is added."""

    clips: tuple[Clip, ...]
    vectors: NDArray[np.float32]
    version: str

    def clip(self, item: int) -> Clip | None:
        """Return the clip of an item."""
        return next((clip for clip in self.clips if clip.item == item), None)

    def vector(self, item: int) -> NDArray[np.float32] | None:
        """Return the vector of an item."""
        return next((row for clip, row in zip(self.clips, self.vectors, strict=True) if clip.item == item), None)

    def find(self, name: str) -> Clip | None:
        """Find a clip by its id, its file's id or path."""
        names = (clip for clip in self.clips if name in (clip.clip_id, clip.source, file_id(clip.source)))
        return next(names, None)


NOTHING = Added((), np.empty((0, 0), np.float32), "")


class Journal:
    """Reads what was added beside one catalogue, again whenever the journal has changed. Safe for several threads.

    knows: whether the catalogue holds a path by now, so that it need not be searched beside it.
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

    def _read(self, version: str) -> Added:
        clips: list[Clip] = []
        rows: list[NDArray[np.float32]] = []
        for entry in _entries(self._path):
            if entry.get("space") != self._manifest.space or self._knows(entry["path"]):
                continue
            for window in entry["windows"]:
                start, end = float(window["start"]), float(window["end"])
                item = self._manifest.clips + int(window["number"])
                labels = tuple(entry["labels"])
                identity = clip_id(entry["path"], start)
                url = link_to(self._library_url, entry["path"], start, end) if self._library_url else None
                clips.append(Clip(item, identity, entry["path"], start, end, labels, entry["title"], url))
                rows.append(np.frombuffer(base64.b64decode(window["vector"]), "<f4"))
        if not clips:
            return NOTHING
        return Added(tuple(clips), unit_rows(self._manifest.recipe.finish(np.stack(rows))), version)


def memory_of(out: Path) -> Path:
    """Return the folder beside a catalogue that remembers what was heard and what was added."""
    resolved = out.resolve()
    return resolved.with_name(f"{resolved.name}.library")


def add(
    out: Path, manifest: Manifest, file: Path, upload: Upload, *, name: str, who: str, knows: Callable[[str], bool]
) -> str:
    """Keep a file in the library of the catalogue at `out`; returns its path in the library.

    upload: what was heard of the file; name: what its owner calls it; who: for the history; knows: whether a path can
    be found already: such a file is not kept twice. Raises `CannotWrite`.
    """
    root = manifest.extra.get("folder")
    if manifest.extra.get("kind") != KIND or not isinstance(root, str):
        raise CannotWrite("This catalogue was not made from a folder of audio, so nothing can be added to it.")
    memory = memory_of(out)
    try:
        memory.mkdir(exist_ok=True)
        with jsonl.locked(memory / f"{JOURNAL}.lock"):
            known = _known_path(memory, upload.sha256)
            if known is not None and knows(known) and (Path(root) / known).is_file():
                return known
            path = _keep(Path(root), file, name)
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            history = {"path": path, "name": name, "who": who, "when": now, "sha256": upload.sha256}
            try:
                jsonl.append(Path(root) / FOLDER / HISTORY, history)
                jsonl.append(memory / JOURNAL, _entry(path, upload, _next_number(memory / JOURNAL)))
            except BaseException:
                # Else each further try would leave one more copy.
                (Path(root) / path).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise CannotWrite(
            f"The file cannot be kept in the library ({error.strerror}): ask the operator to check {root}."
        ) from error
    return path


def forget_built(out: Path, done: Callable[[str], bool]) -> None:
    """Drop from the journal beside the catalogue at `out` the paths that are done with."""
    memory = memory_of(out)
    path = memory / JOURNAL
    if not path.exists():
        return
    with jsonl.locked(memory / f"{JOURNAL}.lock"):
        entries = list(_entries(path))
        left = [entry for entry in entries if not done(entry["path"])]
        if len(left) < len(entries):
            jsonl.rewrite(path, left)


def forget_person(out: Path, manifest: Manifest, who: str) -> int:
    """Take a person out of the history of what was added, where their sounds stay; returns the number of sounds. Raises
    `CannotWrite`."""
    path = Path(str(manifest.extra.get("folder"))) / FOLDER / HISTORY
    if manifest.extra.get("kind") != KIND or not path.exists():
        return 0
    memory = memory_of(out)
    try:
        memory.mkdir(exist_ok=True)
        with jsonl.locked(memory / f"{JOURNAL}.lock"):
            entries = list(jsonl.read(path))
            theirs = [entry for entry in entries if entry.get("who") == who]
            for entry in theirs:
                entry["who"] = ""
            if theirs:
                jsonl.rewrite(path, entries)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written ({error.strerror}): check the disk and its rights.") from error
    return len(theirs)


def safe_name(name: str) -> str:
    """Return a file name that no system minds, whatever somebody called the file."""
    plain = PurePosixPath(name.replace("\\", "/")).name
    stem, suffix = os.path.splitext(plain)  # noqa: PTH122 - a name, not a path
    short = _UNSAFE.sub("_", stem).strip(" ._-").encode()[:LONGEST_NAME_BYTES]
    stem = short.decode(errors="ignore").rstrip() or "sound"
    suffix = re.sub(r"[^a-z0-9]", "", suffix.lower())[:5]
    return f"{stem}.{suffix}" if suffix else stem


def _keep(root: Path, file: Path, name: str) -> str:
    """Copy a file into the library under a free name; returns its path there."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    wanted = PurePosixPath(safe_name(name))
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".adding-", delete=False) as partial:
        try:
            with file.open("rb") as source:
                shutil.copyfileobj(source, partial)
            partial.flush()
            os.fsync(partial.fileno())
            Path(partial.name).chmod(0o644)
            number = 1
            while True:
                free = wanted.name if number == 1 else f"{wanted.stem} ({number}){wanted.suffix}"
                try:
                    # A link, unlike a renaming, never takes the place of a file that is there.
                    os.link(partial.name, folder / free)
                    return f"{FOLDER}/{free}"
                except FileExistsError:
                    number += 1
        finally:
            Path(partial.name).unlink()


def _entry(path: str, upload: Upload, number: int) -> dict[str, Any]:
    frames = upload.frames
    cuts = windows(len(frames.vectors), frames.hop, upload.seconds)
    means = window_means(frames.vectors, cuts)
    return {
        "path": path,
        "sha256": upload.sha256,
        "space": frames.space,
        "title": title_of(path, {}),
        "labels": list(file_labels(path, {})),
        "windows": [
            {
                "number": number + i,
                "start": cut.start,
                "end": cut.end,
                "vector": base64.b64encode(row.astype("<f4").tobytes()).decode(),
            }
            for i, (cut, row) in enumerate(zip(cuts, means, strict=True))
        ],
    }


def _entries(journal: Path) -> Iterator[dict[str, Any]]:
    return (entry for entry in jsonl.read(journal) if entry.get("windows"))


def _next_number(journal: Path) -> int:
    return max((window["number"] + 1 for entry in _entries(journal) for window in entry["windows"]), default=0)


def _known_path(memory: Path, sha256: str) -> str | None:
    for entry in _entries(memory / JOURNAL):
        if entry["sha256"] == sha256:
            return str(entry["path"])
    try:
        database = sqlite3.connect(f"file:{quote(str(memory / 'heard.sqlite'))}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    try:
        row = database.execute("SELECT path FROM stamps WHERE sha256 = ? ORDER BY path", (sha256,)).fetchone()
    except sqlite3.Error:
        return None
    finally:
        database.close()
    return None if row is None else str(row[0])
