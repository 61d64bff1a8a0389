"""Where the time of a request goes: seconds per named step, for the log and the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timings:
    """Collects seconds per step and notes of one request; a step that is entered twice adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.notes: dict[str, str | int | float | bool] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the block as step `name`, also where it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def note(self, name: str, value: str | int | float | bool) -> None:
        """Keep a fact of the request, such as a cache hit."""
        self.notes[name] = value
