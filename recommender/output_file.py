"""A file that a command writes: there as a whole, or not at all."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from recommender.errors import CannotWrite

STANDARD_OUTPUT = "-"


def tell(target: Path, told: str) -> None:
    """Say what was written, where it does not stand in between."""
    print(f"{target}: {told}", file=sys.stderr if str(target) == STANDARD_OUTPUT else sys.stdout)


@contextmanager
def opened(target: Path) -> Iterator[TextIO]:
    """Open what is written to: a file appears as a whole where its link leads to, a pipe is written into, and "-" is
    standard output. Raises `CannotWrite`."""
    if str(target) == STANDARD_OUTPUT:
        yield sys.stdout
        return
    try:
        with _opened(target.resolve()) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {error.strerror}. Choose another place.") from error


@contextmanager
def _opened(target: Path) -> Iterator[TextIO]:
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as file:
            yield file
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    beside = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
        beside.chmod(0o644)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
