"""A connection whose request is read whole before a thread sees it: how much of it is there, when it is too much."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn

HEAD_BYTES = 32 * 1024
"""Request line and headers together."""
LINE_BYTES = 8 * 1024
"""Longest line between two chunks, and longest trailer."""
SLICE_BYTES = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?\Z", re.DOTALL)
_PATH = re.compile(rb"[A-Z]{1,16} ([^ ?#\r\n]*)")


@dataclass(frozen=True)
class Limits:
    """What one request may take. head_seconds, body_seconds: until all of it is there; answer_seconds: for the client
    to take the answer; body_bytes: largest body; held_bytes: bodies of all requests that arrive or are in work;
    connections: so many may be arriving, and so many in work."""

    head_seconds: float = 10.0
    body_seconds: float = 20.0
    answer_seconds: float = 20.0
    body_bytes: int = 1_000_000
    held_bytes: int = 64_000_000
    connections: int = 400


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """One connection with one request. held: bytes of the budget that it holds; ends: when it is given up."""

    def __init__(self, cfg: Any, sock: Any, client: Any, server: Any, limits: Limits) -> None:
        super().__init__(cfg, sock, client, server)
        self.data_ready = True
        self.refused = False
        self.held = 0
        self.ends = time.monotonic() + limits.head_seconds
        self._limits = limits
        self._data = bytearray()
        self._body_at = 0
        self._size: int | None = None
        self._chunk_at = 0

    @property
    def path(self) -> str:
        """Path of the request, without the query; empty where there is none."""
        found = _PATH.match(self._data)
        return found.group(1).decode("latin-1") if found else ""

    @property
    def wants_continue(self) -> bool:
        """Whether the client waits for leave to send the body."""
        return bool(_EXPECTS.search(self._data, 0, self._body_at))

    def take(self, data: bytes) -> bool:
        """Add what arrived; return whether this ended the head."""
        self._data += data
        if self._body_at:
            return False
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._body_at = end + 4
        self.ends = time.monotonic() + self._limits.body_seconds
        length = _LENGTH.search(self._data, 0, end + 2)
        if _CHUNKED.search(self._data, 0, end + 2):
            self._chunk_at = self._body_at
        else:
            self._size = int(length.group(1)) if length else 0
        return True

    @property
    def needs(self) -> int:
        """Bytes of the body that are there."""
        return len(self._data) - self._body_at if self._body_at else 0

    def too_much(self) -> int:
        """Return the HTTP status that refuses what is there, 0 where nothing does."""
        if not self._body_at:
            return 431 if len(self._data) > HEAD_BYTES else 0
        return 413 if max(self.needs, self._size or 0) > self._limits.body_bytes else 0

    def whole(self) -> bool:
        """Whether the request is there to its end."""
        if not self._body_at:
            return False
        if self._size is not None:
            return len(self._data) >= self._body_at + self._size
        return self._last_chunk()

    def init(self) -> None:
        """Let gunicorn parse what was read; called by the thread that serves the request."""
        self.initialized = True
        self.sock.settimeout(self._limits.answer_seconds)
        self.parser = http.get_parser(self.cfg, self._slices(), self.client)

    def _last_chunk(self) -> bool:
        """Walk along the chunks that are there; what is none is left to gunicorn's parser to refuse."""
        while True:
            line = self._data.find(b"\r\n", self._chunk_at)
            if line < 0:
                return len(self._data) - self._chunk_at > LINE_BYTES
            size = _CHUNK.match(self._data, self._chunk_at, line)
            if size is None:
                return True
            if not int(size.group(1), 16):
                return self._data.find(b"\r\n\r\n", line) >= 0 or len(self._data) - line > LINE_BYTES
            after = line + 2 + int(size.group(1), 16) + 2
            if after > len(self._data):
                return False
            self._chunk_at = after

    def _slices(self) -> Iterator[bytes]:
        """Return the data bit by bit, and let go of it once it is parsed."""
        for start in range(0, len(self._data), SLICE_BYTES):
            yield bytes(self._data[start : start + SLICE_BYTES])
        self.drop()

    def drop(self) -> None:
        """Let go of what was read."""
        self._data = bytearray()
