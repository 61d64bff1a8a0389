"""Keeps TensorFlow's start-up chatter off standard error; all else that is written there meanwhile comes through."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|I\d{4} [\d:.]+ +\d+ port\.cc:\d+\] "
    rb"|INFO: Created TensorFlow Lite"
)
"""Notes on oneDNN, on delegates and on the log itself, which no setting of TensorFlow 2.21 turns off."""
_READ_BYTES = 1 << 16
_LAST_WORDS_SECONDS = 1.0


@contextmanager
def without_chatter() -> Iterator[None]:
    """Filter what is written to file descriptor 2, from C as well, line by line."""
    reading, writing = os.pipe()
    real = os.dup(2)
    # A process started meanwhile may hold the pipe open for long: the thread serves it to its end.
    filtering = threading.Thread(target=_filter, args=(reading, real), daemon=True)
    filtering.start()
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield
    finally:
        os.dup2(real, 2)
        filtering.join(_LAST_WORDS_SECONDS)


def _filter(reading: int, real: int) -> None:
    rest = b""
    while data := os.read(reading, _READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        kept = [line + b"\n" for line in lines if not _CHATTER.match(line)]
        # Whatever ends without a newline is somebody's progress bar: it does not wait.
        if rest and not _may_be_chatter(rest):
            kept.append(rest)
            rest = b""
        _write(real, b"".join(kept))
    _write(real, rest)
    os.close(reading)
    os.close(real)


def _may_be_chatter(start: bytes) -> bool:
    return start[:1] in {b"W", b"I"}


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
