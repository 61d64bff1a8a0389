"""What lies in a library's folder and is not wanted: bins, shadows that systems leave, caches, what its owner names."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from recommender.errors import BuildFailed

IGNORE_FILE = ".soundalikeignore"
"""In the library's outermost folder or any other, for what lies below, in the grammar of .gitignore."""
BINS = (
    *(r"\#recycle/", "@Recycle/", "$RECYCLE.BIN/", "$Recycle.Bin/", "RECYCLER/", "Recycled/", "Network Trash Folder/"),
    *("Recycle Bin/", "Trash/"),
)
"""Synology's, QNAP's, Windows', macOS's. Those that begin with a dot are left out as all hidden folders are."""
SHADOWS = (
    *(
        "@eaDir/",
        "@tmp/",
        r"\#snapshot/",
        "~snapshot/",
        "@Recently-Snapshot/",
        "@Snapshot/",
        "__MACOSX/",
        "lost+found/",
    ),
    *("System Volume Information/", "Temporary Items/", "*.part", "*.partial", "*.crdownload"),
    *("Ableton Folder Info/", "Ableton Project Info/", "**/Samples/Processed/Freeze/", "**/Cache/Decoding/"),
    *("Rendered Files/", "Fade Files/", "Session File Backups/", "Freeze Files.nosync/", "Undo Data.nosync/"),
)
"""Of NAS, snapshots, archives and downloads; then what Ableton Live, Pro Tools and Logic can make again."""


class Unwanted:
    """Says which files and folders of a library are left out: the usual ones, then what its ignore files name, the
    inner ones after the outer ones, then `patterns`, where `!` takes back in. Raises `BuildFailed` where those cannot
    be read."""

    def __init__(self, root: Path, patterns: Sequence[str] = ()) -> None:
        self._usual = _spec([*BINS, *SHADOWS, *_lines(root / IGNORE_FILE)])
        self._inner: dict[str, GitIgnoreSpec] = {}
        self._named = _spec(list(patterns))

    def enter(self, folder: str, ignore_file: Path) -> None:
        """Take in the ignore file of a folder within; folder: as in the paths of its files, with `/` at its end."""
        self._inner[_composed(folder)] = _spec(_lines(ignore_file))

    def file(self, path: str) -> bool:
        """Say whether a file is left out whose folders are not; path: relative to the library, with `/`."""
        path = _composed(path)
        verdict = self._named.check_file(path).include if self._named.patterns else None
        place = path.rstrip("/").rfind("/") if self._inner else -1
        while verdict is None and place > 0:
            spec = self._inner.get(path[: place + 1])
            verdict = spec.check_file(path[place + 1 :]).include if spec is not None else None
            place = path.rfind("/", 0, place)
        return self._usual.match_file(path) if verdict is None else verdict

    def folder(self, path: str) -> bool:
        """Say whether a folder is left out that lies in none which is."""
        return self.file(f"{path}/")

    def covers(self, path: str, folder: bool = False) -> bool:
        """Say whether a file or folder is left out, by itself or with a folder around it."""
        around = [str(parent) for parent in PurePosixPath(path).parents][:-1]
        return (self.folder(path) if folder else self.file(path)) or any(map(self.folder, around))


_bins = GitIgnoreSpec.from_lines(BINS)


def in_bin(path: str) -> bool:
    """Say whether a file lies in a bin, which an ignore file may take in."""
    return _bins.match_file(path)


def _spec(lines: list[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(map(_composed, lines))
    except ValueError as error:
        raise BuildFailed(f"{error}: mend it in {IGNORE_FILE}, or after --exclude.") from None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BuildFailed(f"{file} cannot be read ({error.strerror}): check its rights.") from None


def _composed(text: str) -> str:
    """Return text with its characters composed, as people type them and macOS does not keep them."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
