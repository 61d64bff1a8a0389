"""The parent's side of the decoder's child processes: they are kept warm, and replaced when a file was too much."""

from __future__ import annotations

import atexit
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import recommender
from recommender.errors import (
    AudioError,
    CannotDecode,
    CannotRead,
    DecoderDown,
    NoSamples,
    NotAudio,
    Protected,
    TooHigh,
    TooLong,
)

IDLE_CHILDREN = 2
"""Decoders that stay warm, about 60 MB each: as many as a worker process has threads."""
FILES_PER_CHILD = 200
"""A decoder is replaced after this many files, so that a slow leak in a codec cannot add up."""
_HEADER_BYTES = 5
_READ_BYTES = 1 << 20
_KINDS: dict[str, type[AudioError]] = {
    kind.code: kind for kind in (CannotRead, NotAudio, CannotDecode, NoSamples, Protected, TooHigh, TooLong)
}

START_SECONDS = 60.0
"""Allowed for a new decoder until it runs: its imports may come from a cold disk. They are not the file's time."""
STDERR_KEPT = 4000
"""Bytes of a decoder's last words that go to the log."""

_HUNG = "Decoding this file took too long: export it again, or send it as WAV or FLAC."
_CRASHED = "This file made the decoder crash: export it again, or send it as WAV or FLAC."
_DOWN = "The decoder does not start on this machine: tell the operator, who finds the reason in the log."

_log = logging.getLogger(__name__)


class _Gone(Exception):
    """The child has ended."""


class _Child:
    """One decoder process; used by one thread at a time."""

    def __init__(self) -> None:
        root = str(Path(recommender.__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self._errors, errors = os.pipe()
        # A full pipe loses what comes after, rather than holding the decoder up.
        os.set_blocking(self._errors, False)
        os.set_blocking(errors, False)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "recommender.audio.decoder.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            # One thread for numpy: more would only reserve memory. No secret of ours is left within a codec's reach.
            env={"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "PATH": os.environ.get("PATH", os.defpath)},
            bufsize=0,
        )
        os.close(errors)
        self.files = 0
        self._buffer = bytearray()

    def ask(self, request: bytes) -> None:
        self.files += 1
        try:
            assert self._process.stdin is not None  # noqa: S101 - given as a pipe above
            self._process.stdin.write(request)
        except OSError as error:
            raise _Gone from error

    def message(self, deadline: float) -> tuple[bytes, bytes]:
        """Read one message; raises `_Gone`, or `TimeoutError` at the deadline (monotonic seconds)."""
        header = self._read(_HEADER_BYTES, deadline)
        return header[:1], self._read(int.from_bytes(header[1:], "little"), deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - given as a pipe above
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(self._buffer) < count:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                more = os.read(descriptor, _READ_BYTES)
                if not more:
                    raise _Gone
                self._buffer += more
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def said(self) -> str:
        """Return the end of what the child wrote to standard error since the last look."""
        tail = b""
        with suppress(OSError):
            while more := os.read(self._errors, _READ_BYTES):
                tail = (tail + more)[-STDERR_KEPT:]
        return tail.decode(errors="replace").strip()

    def end(self) -> int:
        """Kill it where it still runs; returns the exit status, a signal as a negative number."""
        self._process.kill()
        status = self._process.wait()
        if words := self.said():
            _log.warning("a decoder that has ended said: %s", words)
        self.forget()
        return status

    def forget(self) -> None:
        """Close our ends of the pipes; the child ends by itself once nobody holds them."""
        os.close(self._errors)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Pool:
    """Idle children of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Child] = []

    def take(self) -> _Child | None:
        """Return an idle child, if there is one."""
        with self._lock:
            return self._idle.pop() if self._idle else None

    def give_back(self, child: _Child) -> None:
        with self._lock:
            if child.files < FILES_PER_CHILD and len(self._idle) < IDLE_CHILDREN:
                self._idle.append(child)
                return
        child.end()

    def end_all(self) -> None:
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            child.end()

    def after_fork(self) -> None:
        """A forked process has its parent's pipes, which it may neither use nor keep open."""
        self._lock = threading.Lock()
        children, self._idle = self._idle, []
        for child in children:
            child.forget()


_pool = _Pool()
atexit.register(_pool.end_all)
os.register_at_fork(after_in_child=_pool.after_fork)


def warm() -> None:
    """Start a decoder ahead of the first file."""
    _pool.give_back(_pool.take() or _Child())


class Blocks:
    """A file decoded to blocks of int16 samples at a rate, as bytes, of `block` samples each; the last may be shorter.

    limit: samples beyond which `TooLong` is raised; timeout: seconds, for the whole file or for each block. Iterating
    raises `AudioError`s and `DecoderDown`. reading: when all blocks are there, {"seconds": read, "claimed": seconds by
    the file's header or None, "incomplete": bool, "loudness": LUFS; None where there is none, or for a whole file:
    uploads need none}.
    """

    def __init__(self, path: Path, *, rate: int, block: int, limit: int | None, timeout: float, whole: bool) -> None:
        path = path.resolve()
        kind = {"rate": rate, "block": block, "limit": limit, "measures": not whole}
        self._request = {"path": str(path), "seconds": timeout, **kind}
        self._timeout = timeout
        self._whole = whole
        self.reading: dict[str, Any] = {}

    def __iter__(self) -> Generator[bytes, None, None]:
        for kind, payload in _messages(self._request, self._timeout, self._whole):
            if kind == b"P":
                yield payload
            elif kind == b"R":
                self.reading = json.loads(payload)


def metadata(path: Path, *, timeout: float) -> dict[str, str]:
    """Return what a file says of itself, under lower-case names; raises `CannotRead`, `NotAudio`, `CannotDecode`."""
    said: dict[str, str] = json.loads(_answer(path, b"M", {"metadata": True}, timeout))
    return said


def excerpt(path: Path, start: float, end: float, *, timeout: float) -> bytes:
    """Return the seconds from start to end as a WAV file; raises `CannotRead`, `NotAudio`, `CannotDecode`."""
    return _answer(path, b"W", {"excerpt": [start, end]}, timeout)


def _answer(path: Path, wanted: bytes, what: dict[str, Any], timeout: float) -> bytes:
    """Ask for something that comes in one message."""
    request = {"path": str(path.resolve()), "seconds": timeout, **what}
    return b"".join(payload for kind, payload in _messages(request, timeout, whole=True) if kind == wanted)


def _messages(request: dict[str, Any], timeout: float, whole: bool) -> Iterator[tuple[bytes, bytes]]:
    """Put a request to a child and yield its messages but the last one, which ends the answer."""
    child = _begun(json.dumps(request).encode() + b"\n")
    clean = False
    try:
        deadline = time.monotonic() + timeout
        while True:
            kind, payload = child.message(deadline)
            if kind in {b"E", b"D"}:
                clean = True
                break
            yield kind, payload
            if not whole:
                deadline = time.monotonic() + timeout
    except TimeoutError:
        raise CannotDecode(_HUNG) from None
    except _Gone:
        raise CannotDecode(_CRASHED) from None
    finally:
        if clean:
            if words := child.said():
                _log.info("the decoder said: %s", words)
            _pool.give_back(child)
        else:
            child.end()
    if kind == b"E":
        error = json.loads(payload)
        raise _KINDS[error["code"]](error["message"])


def _begun(request: bytes) -> _Child:
    """Return a child that has said `B`, so that it is about to read the file of a request: an idle one, or a new one
    where none is left alive. Raises `DecoderDown` where a new one ends before, which is never the file's fault.
    """
    while True:
        idle = _pool.take()
        child = idle or _Child()
        try:
            child.ask(request)
            child.message(time.monotonic() + START_SECONDS)
        except (_Gone, TimeoutError):
            words = child.said()
            status = child.end()
            if idle is not None:
                continue
            _log.error("the decoder does not start (exit status %d), so no file can be read: %s", status, words)
            raise DecoderDown(_DOWN) from None
        except BaseException:
            child.end()
            raise
        return child
