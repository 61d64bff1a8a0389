"""Finds the audio files of a folder. Files are opened only where their name does not say what they are."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recommender.audio.formats import MEDIA_SUFFIXES, OTHER_SUFFIXES, looks_like_media
from recommender.errors import BuildFailed
from recommender.spelling import is_text, shown

HEAD_BYTES = 16


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may hold audio. path: relative to the library, with `/`; stamp: size, mtime and ctime in ns."""

    path: str
    absolute: Path
    stamp: tuple[int, int, int]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stamp[0]


@dataclass(slots=True)
class Scan:
    """What a folder holds. files: in the order of their paths; other: files that are no audio, counted by suffix;
    unreadable: paths with the reason; outside: links that lead out of the folder and were not followed, where
    `follow_links` is not set."""

    files: list[FoundFile] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    follow_links: bool = False


def scan(folder: Path, follow_links: bool = False) -> Scan:
    """Walk a library: links are followed once, hidden files and folders left out. Raises `BuildFailed`.

    follow_links: also those that lead out of the folder, to whatever the process may read.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise BuildFailed(f"{folder} is no folder: name the folder that holds your audio files.")
    found = Scan(follow_links=follow_links)
    seen_files: set[tuple[int, int]] = set()
    for relative, entry in _walk(root, "", set(), found, root):
        try:
            status = entry.stat()
        except OSError as error:
            found.unreadable[relative] = error.strerror or "cannot be read"
            continue
        # A link to a file that is reached by another name as well would only be a copy of it.
        if entry.is_symlink() and (status.st_dev, status.st_ino) in seen_files:
            continue
        seen_files.add((status.st_dev, status.st_ino))
        kind = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - ten times as quick as Path, on each file
        if _may_be_audio(kind, entry.path, status.st_size):
            stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            found.files.append(FoundFile(relative, Path(entry.path), stamp))
        else:
            found.other[shown(kind) or "no suffix"] += 1
    found.files.sort(key=lambda file: file.path)
    return found


def _walk(
    folder: Path, prefix: str, visited: set[tuple[int, int]], found: Scan, root: Path
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the files below a folder with their relative paths; real files before links, so that those are the names
    by which a file is known."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in visited:
            return
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        found.unreadable[prefix or "."] = error.strerror or "cannot be read"
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        relative = f"{prefix}{entry.name}"
        if not is_text(relative):
            found.unreadable[relative.encode(errors="replace").decode()] = "the name is not valid UTF-8"
            continue
        if not found.follow_links and entry.is_symlink() and _leaves(entry.path, root):
            found.outside.append(relative)
            continue
        try:
            is_folder = entry.is_dir()
        except OSError as error:  # a link that leads in a circle
            found.unreadable[relative] = error.strerror or "cannot be read"
            continue
        if is_folder:
            yield from _walk(Path(entry.path), f"{relative}/", visited, found, root)
        elif entry.is_file() or entry.is_symlink():
            yield relative, entry


def _leaves(link: str, root: Path) -> bool:
    """Whether a link leads out of a folder; one that leads nowhere or in a circle is left to whoever opens it."""
    try:
        return not Path(link).resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # RuntimeError: a circle, up to Python 3.12
        return False


def _may_be_audio(kind: str, path: str, size: int) -> bool:
    if kind in MEDIA_SUFFIXES:
        return True
    if kind in OTHER_SUFFIXES or not size:
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return looks_like_media(file.read(HEAD_BYTES))
    except OSError:
        return False


def spoken(path: str) -> str:
    """Return a path as people type it: composed characters, which macOS keeps apart in file names."""
    return unicodedata.normalize("NFC", path)
