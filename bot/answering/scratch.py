"""Private folders for the audio that is being worked on, gone with their job, and with their process at the latest."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "soundalike-"
LOCK_NAME = "lock"


class Scratch:
    """One process's folder of unguessable name, readable by its user alone.

    A process that was killed cannot clean up after itself; whoever starts next removes the folders whose lock nobody
    holds any more.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent or Path(tempfile.gettempdir())
        sweep(self._parent)
        self.folder, self._lock = _locked_folder(self._parent)
        self._making = threading.Lock()

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Return a path for one file, removed at the end whatever happens."""
        with self._making:
            if not self.folder.is_dir():  # whatever tidies up temporary folders has removed it
                os.close(self._lock)
                self.folder, self._lock = _locked_folder(self._parent)
            handle, name = tempfile.mkstemp(dir=self.folder)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what processes left that were killed since."""
        sweep(self._parent)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    unnamed = folder / (LOCK_NAME + ".new")
    lock = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    unnamed.rename(folder / LOCK_NAME)  # under its name only once it is held, or a sweep could come between
    return folder, lock


def sweep(parent: Path) -> int:
    """Remove the folders of dead processes and return their number."""
    removed = 0
    for folder in parent.glob(f"{PREFIX}*"):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _abandoned(folder: Path) -> bool:
    try:
        if folder.stat().st_uid != os.getuid():
            return False
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False  # not one of ours, or made this instant
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)
