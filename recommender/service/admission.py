"""What the service takes on: so many requests, so much memory, and nothing for a client that is gone."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from werkzeug.exceptions import HTTPException, ServiceUnavailable

RETRY_AFTER_SECONDS = 1


class ClientGone(HTTPException):
    """The client hung up: nobody takes the answer. The status is nginx's."""

    code = 499
    description = "The client hung up"


class Admission:
    """Places and memory that requests hold. places: requests at once; memory: bytes of all of them together."""

    def __init__(self, places: int, memory: int) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._memory = memory
        self._held = 0
        self._lock = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places; answers 503 where all are taken."""
        if not self._places.acquire(blocking=False):
            raise busy("Too many requests are waiting")
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def memory(self, size: int) -> Iterator[None]:
        """Hold so many bytes; answers 503 where others hold too much. What is larger than all goes alone."""
        size = min(size, self._memory)
        with self._lock:
            if self._held + size > self._memory:
                raise busy("Too much audio is being worked on")
            self._held += size
        try:
            yield
        finally:
            with self._lock:
                self._held -= size


def busy(message: str) -> ServiceUnavailable:
    """Return the answer to whoever should come again."""
    return ServiceUnavailable(f"{message}: try again in a moment", retry_after=RETRY_AFTER_SECONDS)


def unless_gone(environ: dict[str, Any]) -> Callable[[], None]:
    """Return a function that raises `ClientGone` once the client of a WSGI request closed its connection."""
    connection: socket.socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is None:
        return lambda: None
    poller = select.poll()
    with suppress(ValueError, OSError):  # closed already: every look then says so
        poller.register(connection, select.POLLIN)

    def look() -> None:
        try:
            gone = bool(poller.poll(0)) and not connection.recv(1, socket.MSG_PEEK)
        except OSError:
            gone = True
        if gone:
            raise ClientGone

    return look
