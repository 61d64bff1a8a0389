"""Runs an iterator ahead of its reader, in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")
POLL_SECONDS = 0.2
"""How often a thread that nobody reads from looks whether it is still wanted."""


class _End(Generic[_T]):
    """The last thing in the queue: how the iterator ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(iterator: Iterator[_T], depth: int) -> Generator[_T, None, None]:
    """Return the items of an iterator, up to `depth` items ahead; its errors are raised here."""
    waiting: queue.Queue[_T | _End[_T]] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(iterator, waiting, stopped), daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def _fill(iterator: Iterator[_T], waiting: queue.Queue[_T | _End[_T]], stopped: threading.Event) -> None:
    try:
        for item in iterator:
            if not _put(waiting, item, stopped):
                return
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads
        _put(waiting, _End(error), stopped)
    else:
        _put(waiting, _End(None), stopped)


def _put(waiting: queue.Queue[_T | _End[_T]], item: _T | _End[_T], stopped: threading.Event) -> bool:
    """Wait for room; False where nobody reads any more."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
