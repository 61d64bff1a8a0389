"""The bot's keys in Redis: one function each, and the only place where their kinds are spelt.

All end by themselves but the queue's, the channels' settings and whom the bot has welcomed. What names a channel or a
person also names the workspace, where there are many: ids are unique in theirs alone. Jobs carry it in their id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import redis

from bot.workspaces import scope
from recommender.redis_keys import build, split

ASIDE_SECONDS = 7 * 24 * 60 * 60
_TYPES = {"seen": b"string", "job": b"hash", "lease": b"string", "turn": b"zset", "first": b"hash"}
_TYPES |= {"slot": b"string", "thread": b"set", "manner": b"string"}
_TYPES_OF_QUEUE = {"": b"list", "msgs": b"hash", "later": b"zset", "XQ": b"zset"}

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def seen(channel: str, mark: str) -> str:
    """Return the key of the id of the job that answers a wish: repeated events find it. mark: the file, or what else
    tells the wish."""
    return build("seen", *scope(), channel, mark)


def job(job_id: str) -> str:
    """Return the key of a job's record, a hash (see `Record`)."""
    return build("job", job_id)


def lease(job_id: str) -> str:
    """Return the key of the id of who works a job now."""
    return build("lease", job_id)


def turn(channel: str) -> str:
    """Return the key of the sorted set of jobs that await their placeholder in a channel, in the order of arrival."""
    return build("turn", *scope(), channel)


def first(channel: str) -> str:
    """Return the key of the hash of the first of these, and since when it is the first."""
    return build("first", *scope(), channel)


def slot(channel: str) -> str:
    """Return the key of the time at which a channel takes the next message, in ms of Redis's clock."""
    return build("slot", *scope(), channel)


def thread(channel: str, ts: str) -> str:
    """Return the key of the set of files that the message of this ts shares."""
    return build("thread", *scope(), channel, ts)


def limit(kind: str, who: str, minute: int) -> str:
    """Return the key of the count of one kind of wish of a person or workspace in one minute of Unix time."""
    return build("limit", *scope(), kind, who, minute)


def manner(channel: str) -> str:
    """Return the key of how the bot behaves in a channel, as JSON."""
    return build("manner", *scope(), channel)


def welcomed(user: str) -> str:
    """Return the key that is there once a person was welcomed in their direct messages."""
    return build("welcomed", *scope(), user)


def history(user: str) -> str:
    """Return the key of the list of a person's last questions."""
    return build("history", *scope(), user)


def namespace() -> str:
    """Return what Dramatiq's keys begin with."""
    return build("queue")


def queue(name: str) -> str:
    """Return the key of the list of a queue's message ids. Dramatiq's keys of the same queue go on from it."""
    return f"{namespace()}:{name}"


def messages(name: str) -> str:
    """Return the key of the hash of a queue's messages by id, those that are being worked included."""
    return f"{queue(name)}.msgs"


def later(name: str) -> str:
    """Return the key of the sorted set of a queue's delayed message ids, by their time in ms of Redis's clock."""
    return f"{queue(name)}.later"


def dead(name: str) -> str:
    """Return the key of the sorted set of a queue's dead letters' ids, by the time of their death."""
    return f"{queue(name)}.XQ"


def dead_messages(name: str) -> str:
    """Return the key of the hash of a queue's dead letters by id."""
    return f"{dead(name)}.msgs"


def of_queue(name: str) -> tuple[str, ...]:
    """Return all keys of a queue."""
    return queue(name), messages(name), later(name), dead(name), dead_messages(name)


def aside(key: str) -> str:
    """Return the key under which a value is kept that stood at one of ours and is not ours."""
    kind, parts = split(key)
    return build("aside", kind, *parts)


def mending(client: redis.Redis, own: Iterable[str], command: Callable[[], _T]) -> _T:
    """Run a command on keys of ours and return its result; where one of them holds a value of a type that we never
    write, set that aside and run it again. Raises redis.RedisError."""
    try:
        return command()
    except redis.ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        set_aside(client, own)
        return command()


def set_aside(client: redis.Redis, own: Iterable[str]) -> None:
    """Rename those of our keys that hold a value of a foreign type; it is kept for `ASIDE_SECONDS`."""
    for key in own:
        if client.type(key) not in (_type(key), b"none"):
            _log.error("%s held a foreign value: it stands at %s for a week", split(key)[0], build("aside", "…"))
            client.rename(key, aside(key))
            client.expire(aside(key), ASIDE_SECONDS)


def _type(key: str) -> bytes:
    kind, parts = split(key)
    return _TYPES.get(kind) or _TYPES_OF_QUEUE[parts[-1].rpartition(".")[2] if "." in parts[-1] else ""]
