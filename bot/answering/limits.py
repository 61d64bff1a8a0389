"""How much one person, one workspace and the queue may take."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import cast

import redis

from bot.errors import RateLimited
from bot.settings import BotSettings
from recommender.cache import KEY_PREFIX

WINDOW_SECONDS = 60


def limit_key(kind: str, who: str, window: int) -> str:
    """Key of the count of one kind of wish of one person or workspace in one minute."""
    return f"{KEY_PREFIX}limit:{kind}:{who}:{window}"


class Limits:
    """Counts wishes per minute: in Redis over all processes, in memory where Redis does not answer."""

    def __init__(self, settings: BotSettings) -> None:
        self._settings = settings
        self._local: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def require_upload(self, client: redis.Redis | None, user: str, team: str) -> None:
        """Count an upload; raises `RateLimited` beyond the person's or the workspace's limit."""
        self._require(client, "upload", user, self._settings.uploads_per_minute, "You send")
        self._require(client, "team-upload", team, self._settings.team_uploads_per_minute, "Your workspace sends")

    def require_question(self, user: str) -> None:
        """Count a command or a click, in this process alone: a round trip to Redis would cost each answer more than
        the limit is worth."""
        self._require(None, "question", user, self._settings.questions_per_minute, "You ask")

    def _require(self, client: redis.Redis | None, kind: str, who: str, limit: int, whose: str) -> None:
        count = self._count_in_redis(client, kind, who) if client is not None else self._count_here(f"{kind}:{who}")
        if count > limit:
            noun = "questions" if kind == "question" else "files"
            raise RateLimited(f"{whose} more than {limit} {noun} a minute: wait a minute, then try again.")

    @staticmethod
    def _count_in_redis(client: redis.Redis, kind: str, who: str) -> int:
        key = limit_key(kind, who, int(time.time() // WINDOW_SECONDS))
        with client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, 2 * WINDOW_SECONDS)
            try:
                return int(cast("list[int]", pipe.execute())[0])
            except redis.OutOfMemoryError:
                raise
            except redis.ResponseError:
                client.delete(key)  # a value that is no count
                return 1

    def _count_here(self, key: str) -> int:
        now = time.monotonic()
        with self._lock:
            times = self._local.setdefault(key, deque())
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
            times.append(now)
            if len(self._local) > 10_000:
                self._local = {k: v for k, v in self._local.items() if v and v[-1] > now - WINDOW_SECONDS}
            return len(times)
