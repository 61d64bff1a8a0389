"""Sounds that people add while the catalogue is in use: kept in the library's folder, and found at once."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from recommender.catalogue import jsonl
from recommender.catalogue.base import Addition, Catalogue, Facts
from recommender.catalogue.local.journal import memory_of
from recommender.errors import CannotWrite
from recommender.library.naming import file_labels, file_of, title_of
from recommender.uploads import Upload

KIND = "library"
"""Value of `kind` in a manifest's extra: the catalogue was built from a folder."""
FOLDER = "Added from Slack"
"""Folder of the library that takes what people add; it is a label as well."""
HISTORY = ".added.jsonl"
"""Beside the files themselves, hidden: who added what and when."""
LONGEST_NAME_BYTES = 200
"""File systems take 255; a suffix and a number come on top."""

_UNSAFE = re.compile(r"[^\w .()+&'-]+")


def library_of(facts: Facts) -> Path | None:
    """Return the folder of audio that a catalogue was built from, None where it was built from something else."""
    root = facts.extra.get("folder")
    return Path(root) if facts.kind == KIND and isinstance(root, str) else None


def folders_of(facts: Facts) -> dict[str, Path]:
    """Return the folders of audio that a catalogue was built from; of several libraries that are searched as one, by
    the names that links to their files have, of a single one under no name."""
    folders = facts.extra.get("folders")
    if isinstance(folders, dict) and len(folders) > 1:
        return {name: Path(folder) for name, folder in folders.items()}
    root = next(iter(folders.values()), None) if isinstance(folders, dict) else library_of(facts)
    return {} if root is None else {"": Path(root)}


def libraries_of(catalogue: Catalogue) -> dict[str, Path]:
    """Return the folders of audio of a catalogue, or of all that are searched as one, by the names of those."""
    folders = {name: library_of(member.facts) for name, member in catalogue.members.items()}
    return {name: folder for name, folder in folders.items() if folder is not None}


def add(catalogue: Catalogue, file: Path, upload: Upload, *, name: str, who: str) -> str:
    """Keep a file in the library of a catalogue, which finds it from then on; returns its path in the library.

    upload: what was embedded of the file; name: what its owner calls it; who: for the history. A file whose content
    can be found already is not kept twice. Raises `CannotWrite`.
    """
    root = library_of(catalogue.facts)
    if root is None:
        raise CannotWrite("This catalogue was not made from a folder of audio, so nothing can be added to it.")
    try:
        with jsonl.locked(root):
            known = catalogue.added_as(upload.sha256) or _known_path(Path(catalogue.location), upload.sha256)
            if known is not None and catalogue.has(known) and file_of(root, known).is_file():
                return known
            path = _keep(root, file, name)
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            history = {"path": path, "name": name, "who": who, "when": now, "sha256": upload.sha256}
            try:
                jsonl.append(root / FOLDER / HISTORY, history)
                catalogue.add(_addition(catalogue, path, upload))
            except BaseException:
                # Else each further try would leave one more copy.
                (root / path).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise CannotWrite(
            f"The file cannot be kept in the library ({error.strerror}): ask the operator to check {root}."
        ) from error
    return path


def forget_person(facts: Facts, who: str) -> int:
    """Take a person out of the history of what was added, where their sounds stay; returns the number of sounds. Raises
    `CannotWrite`."""
    root = library_of(facts)
    if root is None or not (root / FOLDER / HISTORY).exists():
        return 0
    path = root / FOLDER / HISTORY
    try:
        with jsonl.locked(root):
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


def _addition(catalogue: Catalogue, path: str, upload: Upload) -> Addition:
    frames = upload.frames
    cuts = upload.windows
    return Addition(
        source=path,
        sha256=upload.sha256,
        title=title_of(path, {}),
        labels=file_labels(path, {}),
        windows=[(cut.start, cut.end) for cut in cuts],
        features=catalogue.facts.recipe.features(frames.vectors, cuts),
    )


def _known_path(folder: Path, sha256: str) -> str | None:
    """Return the path of a file of this content that the last build has seen."""
    try:
        database = sqlite3.connect(f"file:{quote(str(memory_of(folder) / 'heard.sqlite'))}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    try:
        row = database.execute("SELECT path FROM stamps WHERE sha256 = ? ORDER BY path", (sha256,)).fetchone()
    except sqlite3.Error:
        return None
    finally:
        database.close()
    return None if row is None else str(row[0])
