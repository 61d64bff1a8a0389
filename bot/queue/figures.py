"""How the queue fares, for metrics: one round trip to Redis for the counts, and one for the oldest jobs."""

from __future__ import annotations

from dataclasses import dataclass

import dramatiq
import redis
from dramatiq.errors import DecodeError

from bot.queue import keys
from bot.queue.tasks import QUEUES


@dataclass(frozen=True, slots=True)
class Figures:
    """tasks: number by step and state (`waiting`, `delayed`, `worked`); dead: jobs that failed for good; oldest: Unix
    time at which the job at the head of a queue was accepted, None where none waits."""

    tasks: dict[tuple[str, str], int]
    dead: int
    oldest: float | None

    @property
    def length(self) -> int:
        """Tasks that wait or are being worked."""
        return sum(self.tasks.values())


def figures(client: redis.Redis) -> Figures:
    """Count now; raises redis.RedisError."""
    with client.pipeline(transaction=False) as pipe:
        for name in QUEUES:
            pipe.llen(keys.queue(name))
            pipe.zcard(keys.later(name))
            pipe.hlen(keys.messages(name))
            pipe.zcard(keys.dead(name))
            pipe.lindex(keys.queue(name), 0)
        found = pipe.execute()
    tasks: dict[tuple[str, str], int] = {}
    dead, heads = 0, []
    for place, name in enumerate(QUEUES):
        waiting, delayed, messages, letters, head = found[5 * place : 5 * place + 5]
        worked = max(0, messages - waiting - delayed)
        tasks |= {(name, "waiting"): waiting, (name, "delayed"): delayed, (name, "worked"): worked}
        dead += letters
        if head is not None:
            heads.append((name, head))
    return Figures(tasks, dead, _oldest(client, heads))


def _oldest(client: redis.Redis, heads: list[tuple[str, bytes]]) -> float | None:
    with client.pipeline(transaction=False) as pipe:
        for name, message_id in heads:
            pipe.hget(keys.messages(name), message_id.decode(errors="replace"))
        times = [_accepted(data) for data in pipe.execute()]
    return min((time for time in times if time is not None), default=None)


def _accepted(data: bytes | None) -> float | None:
    """Return when a message's job was accepted, None where that cannot be read."""
    try:
        return float(dramatiq.Message.decode(data or b"").kwargs["job"]["accepted"])
    except (DecodeError, KeyError, TypeError, AttributeError, ValueError):
        return None
