"""A person's last questions, for the App Home; kept in Redis, and forgotten in time."""

from __future__ import annotations

import json
import logging
from typing import cast

import redis

from bot.questions import Question
from bot.queue import keys

KEPT = 10
KEPT_SECONDS = 90 * 24 * 60 * 60

_log = logging.getLogger(__name__)


class History:
    """Remembers questions where Redis answers; never raises."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def add(self, user: str, question: Question) -> None:
        """Remember a question as the person's newest."""
        value = json.dumps(question.to_json())
        key = keys.history(user)
        try:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.lrem(key, 0, value)
                pipe.lpush(key, value)
                pipe.ltrim(key, 0, KEPT - 1)
                pipe.expire(key, KEPT_SECONDS)
                pipe.execute()
        except redis.RedisError as error:
            _log.warning("a question is not remembered: Redis does not answer (%s)", type(error).__name__)

    def of(self, user: str) -> tuple[Question, ...]:
        """Return a person's last questions, newest first; what cannot be read is left out."""
        try:
            values = cast("list[bytes]", self._client.lrange(keys.history(user), 0, KEPT - 1))
        except redis.RedisError:
            return ()
        found = []
        for value in values:
            try:
                found.append(Question.from_json(json.loads(value)))
            except (ValueError, RecursionError):
                _log.warning("a remembered question is unreadable: left out")
        return tuple(found)
