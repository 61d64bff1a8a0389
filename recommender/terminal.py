"""What is printed fits any terminal: names and labels come from other people, and bars are lines in a pipe."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_HARMFUL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n|\Z)")
"""Escape codes and what turns the direction of text; not the ends of our own lines."""
LINE_SECONDS = 10.0


class Guarded:
    """A stream on which harmful signs are spelled as JSON spells them, so that JSON stays what it is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, and return how many characters of the text were taken: all."""
        self._stream.write(_HARMFUL.sub(lambda found: json.dumps(found.group())[1:-1], text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard standard output and standard error for as long as the block lasts."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Guarded(before[0]), Guarded(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Lines:
    """A stream on which a bar, which is drawn over itself, becomes a line now and then; none where it is quick."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._due = time.monotonic() + LINE_SECONDS

    def write(self, text: str) -> None:
        """Write a state of the bar, if it is time for one."""
        if (line := text.strip()) and time.monotonic() >= self._due:
            self._stream.write(f"{line}\n")
            self._due = time.monotonic() + LINE_SECONDS

    def flush(self) -> None:
        """Write what is held back."""
        self._stream.flush()


def bar_options(progress: bool) -> dict[str, Any]:
    """Return how tqdm shows a bar: as a line every ten seconds where it goes into a pipe or a file."""
    if not progress or "TQDM_DISABLE" in os.environ:
        return {"disable": True}
    if sys.stderr.isatty():
        return {"dynamic_ncols": True}
    return {
        "file": _Lines(sys.stderr),
        "mininterval": LINE_SECONDS,
        "miniters": 1,
        "bar_format": "{l_bar}{n_fmt} of {total_fmt}, {elapsed}, {remaining} left, {rate_fmt}{postfix}",
    }
