"""Folders that appear as a whole or not at all."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""Flags of Linux's renameat2 and of macOS's renamex_np: both swap two names at one blow."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Return a temporary folder beside `target` that takes its place when the block ends without an error.

    What stood at `target` is then deleted; after an error, or a crash, it still stands untouched. Folders that a
    crashed process left behind are cleared away by the next one.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}.building-"
    _clear_abandoned(target.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    # The folder itself is locked, so that it is known for abandoned up to the moment when it takes its place.
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
        folder.chmod(0o755)
        for path in (*folder.iterdir(), folder):
            _sync(path)
        _take_place(folder, target)
        _sync(target.parent)
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _take_place(folder: Path, target: Path) -> None:
    if not target.exists():
        folder.rename(target)
    elif not _exchange(folder, target):
        # Without an exchange there is a moment with no folder at all; readers try again.
        aside = folder.with_name(f"{folder.name}-old")
        target.rename(aside)
        folder.rename(target)
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names atomically; False where the system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "darwin":
            return int(libc.renamex_np(*names, ctypes.c_uint(_RENAME_EXCHANGE))) == 0
        status = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE))
        return int(status) == 0
    except AttributeError:
        return False


def _clear_abandoned(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
