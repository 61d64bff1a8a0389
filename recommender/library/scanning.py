"""Finds the audio files of a folder. Files are opened only where their name does not say what they are."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from recommender.audio.formats import MEDIA_SUFFIXES, OTHER_SUFFIXES, looks_like_media
from recommender.errors import BuildFailed
from recommender.library.unwanted import IGNORE_FILE, Unwanted
from recommender.spelling import shown, spelt

HEAD_BYTES = 512
"""Enough for three packets of a transport stream."""
HERE = "."
"""The library's own folder, among paths that cannot be read."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a folder is taken. follow_links: also what links lead to outside of it, whatever the process may read;
    exclude: patterns of what is left out, as in .gitignore."""

    follow_links: bool = False
    exclude: tuple[str, ...] = ()


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may hold audio. path: relative to the library, with `/`, and as text; stamp: size, mtime and ctime in
    ns."""

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
    unreadable: paths with the reason, those of folders with `/` at the end; outside: links that lead out of the folder
    and are not followed; excluded: files and folders that are not wanted; mounts: folders of another disk."""

    selection: Selection
    unwanted: Unwanted
    files: list[FoundFile] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    mounts: set[str] = field(default_factory=set)

    def refuses(self, path: str) -> bool:
        """Say whether a path is left out on purpose."""
        hidden = any(part.startswith(".") for part in path.split("/"))
        outside = any(path == link or path.startswith(f"{link}/") for link in self.outside)
        return hidden or outside or self.unwanted.covers(path)

    def hides(self, path: str) -> bool:
        """Say whether a path could not be looked for, because it or a folder around it cannot be read."""
        if HERE in self.unreadable or path in self.unreadable:
            return True
        parts = path.split("/")[:-1]
        around = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        return any(folder in self.unreadable or f"{folder}/" in self.unreadable for folder in around)


def scan(folder: Path, selection: Selection = EVERYTHING) -> Scan:
    """Walk a library: links are followed once, hidden files and folders left out. Raises `BuildFailed`."""
    root = folder.resolve()
    if not root.is_dir():
        raise BuildFailed(f"{folder} is no folder: name the folder that holds your audio files.")
    found = Scan(selection, Unwanted(root, selection.exclude))
    walk = _Walk(root, found)
    for file in walk.files():
        kind = os.path.splitext(file.path)[1].lower()  # noqa: PTH122 - ten times as quick as Path, on each file
        if _may_be_audio(kind, file):
            found.files.append(file)
        else:
            found.other[shown(kind) or "no suffix"] += 1
    found.files.sort(key=lambda file: file.path)
    for first, second in pairwise(found.files):
        if first.path == second.path:
            found.unreadable[f"{first.path} "] = "two files have this name, one of them in bytes that are no UTF-8"
    return found


@dataclass(slots=True)
class _Walk:
    """One way through a library: all that stands in it, then what links lead to. Folders and files are told apart by
    their paths, since some file systems give several of them one inode."""

    root: Path
    found: Scan
    _walked: set[str] = field(default_factory=set)
    _links: list[tuple[str, str]] = field(default_factory=list)

    def files(self) -> Iterator[FoundFile]:
        """Yield the regular files; those that are reached by several links once."""
        yield from self._tree("", str(self.root), _device(self.root.parent))
        seen: set[str] = set()
        while self._links:
            # The deepest link names what several lead to.
            links, self._links = sorted(self._links, key=lambda link: (-link[0].count("/"), link)), []
            seen = seen or {str(file.absolute) for file in self.found.files}
            for relative, link in links:
                for file in self._linked(relative, link):
                    if str(file.absolute) not in seen:
                        seen.add(str(file.absolute))
                        yield file

    def _tree(self, prefix: str, folder: str, device: int | None) -> Iterator[FoundFile]:
        """Yield the files below a folder; links are kept for later. device: that the folder around it lies on."""
        waiting = [(prefix, folder, device)]
        while waiting:
            prefix, folder, device = waiting.pop()
            if folder in self._walked:
                continue
            self._walked.add(folder)
            own = _device(folder)
            if None not in (own, device) and own != device:
                self.found.mounts.add(prefix or HERE)
            inside = []
            for entry in self._entries(prefix, folder):
                relative = f"{prefix}{spelt(entry.name)}"
                try:
                    if entry.is_symlink():
                        self._links.append((relative, entry.path))
                    elif entry.is_dir():
                        if self._wanted(relative, folder=True):
                            inside.append((f"{relative}/", entry.path, own))
                    elif entry.is_file() and self._wanted(relative):
                        yield _found(relative, entry.path, entry.stat())
                except OSError as error:
                    self.found.unreadable[relative] = _reason(error)
            waiting.extend(reversed(inside))

    def _entries(self, prefix: str, folder: str) -> list[os.DirEntry[str]]:
        """Return what stands in a folder, in the order of names: what was read of it, where it then failed."""
        entries = []
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    if not entry.name.startswith("."):
                        entries.append(entry)
                    elif entry.name == IGNORE_FILE and prefix:
                        self.found.unwanted.enter(prefix, Path(entry.path))
        except OSError as error:
            self.found.unreadable[prefix or HERE] = _reason(error)
        return sorted(entries, key=lambda entry: entry.name)

    def _linked(self, relative: str, link: str) -> Iterator[FoundFile]:
        """Yield what a link leads to, under the link's name."""
        try:
            real = Path(link).resolve(strict=True)
            status = real.stat()
        except (OSError, RuntimeError) as error:  # RuntimeError: a circle, up to Python 3.12
            self.found.unreadable[relative] = _reason(error)
            return
        inside = real.is_relative_to(self.root)
        if not inside and not self.found.selection.follow_links:
            self.found.outside.append(relative)
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        if inside and self.found.unwanted.covers(spelt(real.relative_to(self.root).as_posix()), is_folder):
            self.found.excluded.append(relative)
        elif not self._wanted(relative, is_folder):
            return
        elif is_folder:
            yield from self._tree(f"{relative}/", str(real), _device(real.parent))
        elif stat.S_ISREG(status.st_mode):
            yield _found(relative, str(real), status)

    def _wanted(self, relative: str, folder: bool = False) -> bool:
        unwanted = self.found.unwanted
        if unwanted.folder(relative) if folder else unwanted.file(relative):
            self.found.excluded.append(relative)
            return False
        return True


def _found(relative: str, path: str, status: os.stat_result) -> FoundFile:
    return FoundFile(relative, Path(path), (status.st_size, status.st_mtime_ns, status.st_ctime_ns))


def _device(folder: str | Path) -> int | None:
    """Return the disk that a folder lies on, None where that cannot be told."""
    try:
        return os.stat(folder).st_dev  # noqa: PTH116 - on each folder
    except OSError:
        return None


def _reason(error: OSError | RuntimeError) -> str:
    return getattr(error, "strerror", None) or "it leads in a circle"


def _may_be_audio(kind: str, file: FoundFile) -> bool:
    if kind in MEDIA_SUFFIXES:
        return True
    if kind in OTHER_SUFFIXES or not file.size:
        return False
    try:
        with file.absolute.open("rb") as opened:
            return looks_like_media(opened.read(HEAD_BYTES))
    except OSError:
        return False
