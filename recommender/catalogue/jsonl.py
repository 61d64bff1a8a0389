"""Files of JSON, an object a line: appended to at one blow, rewritten as a whole, read whatever a crash left."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Return the objects of a file, none where there is no file; a line that was cut short by a crash is left out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            yield entry
        else:
            _log.warning("%s has a line that cannot be read: it is left out", path)


def append(path: Path, entry: dict[str, Any]) -> None:
    """Append a line at one blow, and see that it is on disk."""
    line = _line(entry)
    with path.open("ab") as file:
        if file.tell() and not _ends_with_newline(path):
            line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def rewrite(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Put these objects in the place of what the file holds."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.writelines(map(_line, entries))
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o644)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, or a folder, against other processes and threads."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _line(entry: dict[str, Any]) -> bytes:
    return f"{json.dumps(entry, ensure_ascii=False)}\n".encode()


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
