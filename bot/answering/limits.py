"""How many questions one person may ask; uploads are counted as they are admitted."""

from __future__ import annotations

import threading
import time
from collections import deque

from bot import workspaces
from bot.errors import RateLimited

WINDOW_SECONDS = 60
PEOPLE_KEPT = 10_000


class QuestionLimit:
    """Counts commands and clicks per minute, in this process alone: a round trip to Redis would cost each answer more
    than the limit is worth. Thread-safe."""

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._times: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def count(self, user: str) -> None:
        """Count a question; raises `RateLimited` beyond the person's limit."""
        now = time.monotonic()
        who = workspaces.named(user)
        with self._lock:
            times = self._times.setdefault(who, deque())
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
            times.append(now)
            if len(self._times) > PEOPLE_KEPT:
                self._times = {name: those for name, those in self._times.items() if those[-1] > now - WINDOW_SECONDS}
            if len(times) > self._limit:
                raise RateLimited(f"You ask more than {self._limit} questions a minute: wait a minute, then try again.")
