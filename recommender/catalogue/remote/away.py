"""A database that does not answer: what is asked of it meanwhile, and what people are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from recommender.errors import CatalogueUnavailable

ANSWER_SECONDS = 5.0
"""A statement that takes longer is given up, on both sides."""
PUSH_SECONDS = 60.0
"""While a catalogue is pushed, many are asked in one statement, of a server that may still be busy with the index."""
AGAIN_SECONDS = 1.0
"""A database that did not answer is left alone for so long."""
LATE = "not within {:.0f} s"


class Away:
    """While a database is away, it is tried once a second by one thread, and the others are refused at once: a frozen
    server costs one thread its time limit, not all of them. reason: in a few words, None while it answers."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._again = 0.0
        self._trying = threading.Lock()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Hold this while the database is asked; raises `CatalogueUnavailable`."""
        away = self.reason
        if away is not None and (time.monotonic() < self._again or not self._trying.acquire(blocking=False)):
            raise unavailable(away)
        try:
            yield
        finally:
            if away is not None:
                self._trying.release()

    def gone(self, reason: str) -> None:
        """Remember that the database does not answer."""
        self.reason, self._again = reason, time.monotonic() + AGAIN_SECONDS

    def back(self) -> None:
        """Remember that it does."""
        self.reason = None


def unavailable(reason: str) -> CatalogueUnavailable:
    """Return the error for a database that cannot be asked now."""
    return CatalogueUnavailable(
        f"The catalogue's database does not answer ({reason}): ask again in a minute. The log tells the operator more."
    )
