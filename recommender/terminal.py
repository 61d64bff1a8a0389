"""What is printed fits any terminal: names and labels come from other people, and bars show where somebody watches."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_HARMFUL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n|\Z)")
"""Escape codes and what turns the direction of text; not the ends of our own lines."""


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


def no_progress(progress: bool) -> bool | None:
    """Say whether tqdm shows no bar, though one is wanted."""
    # None lets tqdm hide itself where nobody watches; see `TQDM_DISABLE` for the rest.
    return None if progress and "TQDM_DISABLE" not in os.environ else True
