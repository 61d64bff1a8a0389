"""What is remembered of each job in Redis, so that it is worked at least once and answered exactly once."""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import redis

from bot.questions import Question
from bot.queue import keys
from bot.queue.jobs import Job, Record

SEEN_SECONDS = 15 * 60
"""Slack's last retry comes five minutes after the event; an old file posted anew later is a new wish."""
JOB_SECONDS = 24 * 60 * 60
"""Longer than a job can wait in the queue."""
TURN_SECONDS = 10 * 60
LEASE_SECONDS = 8.0
"""Below the queue's heartbeat time-out, so that a dead worker's job is free when it is delivered again."""
TURN_PATIENCE_SECONDS = 5.0
"""A job that dies before its placeholder holds up those behind it no longer than this."""
POST_INTERVAL_SECONDS = 1.05
"""Slack: about one message a second and channel; a little more, since calls take unequally long."""

P = ParamSpec("P")
T = TypeVar("T")

_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local free = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if free > now then return math.min(free - now, tonumber(ARGV[1])) end
redis.call('SET', KEYS[1], now + ARGV[1], 'PX', ARGV[1])
return 0
"""
_AHEAD = """
local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
if not rank or rank == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
local known = redis.call('HMGET', KEYS[2], 'first', 'since')
if known[1] ~= first then
    redis.call('HSET', KEYS[2], 'first', first, 'since', now)
    redis.call('PEXPIRE', KEYS[2], 2 * ARGV[2])
elseif now - known[2] > tonumber(ARGV[2]) then
    redis.call('ZREM', KEYS[1], first)
end
return rank
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_RECLAIM = """
if (tonumber(redis.call('HGET', KEYS[1], 'claimed') or '0') or 0) ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'claimed', ARGV[2])
return 1
"""
_NEWEST = """
local known = tonumber(redis.call('HGET', KEYS[1], 'edition') or '0') or 0
if tonumber(ARGV[1]) < known then return 0 end
if tonumber(ARGV[1]) > known then
    redis.call('HSET', KEYS[1], 'edition', ARGV[1])
    redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
"""
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


def _setting_aside(method: Callable[P, T]) -> Callable[P, T]:
    """Set aside what lies under our keys and is of a type that we never write, and go on as if it were not there."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        records, what = cast("tuple[Records, Job | str]", args[:2])
        channel, job_id = (what.channel, what.first) if isinstance(what, Job) else (what, what)
        of_job, of_channel = (keys.job, keys.lease), (keys.turn, keys.first, keys.slot)
        pairs = [*((key, job_id) for key in of_job), *((key, channel) for key in of_channel)]
        own = (key(part) for key, part in pairs)  # spelt when needed: leases are renewed outside of any workspace
        return keys.mending(records.client, own, lambda: method(*args, **kwargs))

    return call


class Records:
    """The marks on jobs, for all processes; raises redis.RedisError where Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._reserve = client.register_script(_RESERVE)
        self._release = client.register_script(_RELEASE)
        self._reclaim = client.register_script(_RECLAIM)
        self._renew = client.register_script(_RENEW)
        self._newest = client.register_script(_NEWEST)
        self._ahead = client.register_script(_AHEAD)

    def mark(self, channel: str, mark: str, job_id: str) -> str:
        """Mark something as seen in a channel and return the id of its job: this one, or the one that came before."""
        key = keys.seen(channel, mark)

        def marked() -> str:
            if self.client.set(key, job_id, nx=True, ex=SEEN_SECONDS):
                return job_id
            found = cast("bytes | None", self.client.get(key))
            return found.decode(errors="replace") if found else job_id

        return keys.mending(self.client, [key], marked)

    @_setting_aside
    def get(self, job_id: str) -> Record:
        """Return a job's record; an unknown one is empty."""
        raw = cast("dict[bytes, bytes]", self.client.hgetall(keys.job(job_id)))
        return record_of({key.decode(errors="replace"): value.decode(errors="replace") for key, value in raw.items()})

    @_setting_aside
    def put(self, job_id: str, **fields: str | int | float) -> None:
        """Change fields of a record."""
        with self.client.pipeline(transaction=True) as pipe:
            pipe.hset(keys.job(job_id), mapping={key: str(value) for key, value in fields.items()})
            pipe.expire(keys.job(job_id), JOB_SECONDS)
            pipe.execute()

    @_setting_aside
    def claim(self, job_id: str) -> bool:
        """Claim the right to post the job's message; granted once."""
        return bool(self.client.hsetnx(keys.job(job_id), "claimed", repr(time.time())))

    @_setting_aside
    def reclaim(self, job_id: str, claimed: float) -> bool:
        """Take over a claim that still reads `claimed`; granted once."""
        return bool(self._reclaim(keys=[keys.job(job_id)], args=[repr(claimed), repr(time.time())]))

    @_setting_aside
    def begin_work(self, job_id: str, owner: str) -> int:
        """Note which process works a job and return how many died of it: began, and never came to `end_work`. Whoever
        calls it holds the job's lease."""
        worker, dead = cast("list[bytes | None]", self.client.hmget(keys.job(job_id), "worker", "dead"))
        died = int(number(dead)) + (worker is not None and worker.decode(errors="replace") != owner)
        self.put(job_id, worker=owner, dead=died)
        return died

    @_setting_aside
    def end_work(self, job_id: str) -> None:
        """Note that the process survived the work."""
        self.client.hdel(keys.job(job_id), "worker")

    @_setting_aside
    def lease(self, job_id: str, owner: str) -> bool:
        """Take or renew the right to work a job for `LEASE_SECONDS`; false while another holds it."""
        milliseconds = int(LEASE_SECONDS * 1000)
        if self.client.set(keys.lease(job_id), owner, nx=True, px=milliseconds):
            return True
        return bool(self._renew(keys=[keys.lease(job_id)], args=[owner, milliseconds]))

    @_setting_aside
    def release(self, job_id: str, owner: str) -> None:
        """Return the lease, if it is still this owner's."""
        self._release(keys=[keys.lease(job_id)], args=[owner])

    @_setting_aside
    def ahead(self, job: Job) -> int:
        """Return how many came before and still await their placeholder in the job's channel."""
        turn = [keys.turn(job.channel), keys.first(job.channel)]
        return int(self._ahead(keys=turn, args=[turn_of(job), int(TURN_PATIENCE_SECONDS * 1000)]))

    @_setting_aside
    def leave(self, job: Job) -> None:
        """Leave the order of arrival."""
        self.client.zrem(keys.turn(job.channel), turn_of(job))

    def remove(self, job: Job) -> None:
        """Remove a job's record and its place in the order of arrival."""
        self.client.delete(keys.job(job.id))
        self.leave(job)

    @_setting_aside
    def newest(self, job: Job) -> bool:
        """Note the edition of a wish that a job is, and return whether none of a later correction is known."""
        return bool(self._newest(keys=[keys.job(job.first)], args=[repr(number(job.edition)), JOB_SECONDS]))

    def note_file(self, channel: str, ts: str, file: str) -> None:
        """Note that the message of a ts shares a file."""
        key = keys.thread(channel, ts)

        def noted() -> None:
            with self.client.pipeline(transaction=True) as pipe:
                pipe.sadd(key, file)
                pipe.expire(key, JOB_SECONDS)
                pipe.execute()

        keys.mending(self.client, [key], noted)

    def files(self, channel: str, ts: str) -> list[str]:
        """Return the files that the message of a ts is known to share."""
        key = keys.thread(channel, ts)
        found = keys.mending(self.client, [key], lambda: cast("set[bytes]", self.client.smembers(key)))
        return sorted(each.decode(errors="replace") for each in found)

    @_setting_aside
    def reserve(self, channel: str) -> float:
        """Take the right to post in a channel now and return 0, or return the seconds until it is free."""
        interval = int(POST_INTERVAL_SECONDS * 1000)
        return int(self._reserve(keys=[keys.slot(channel)], args=[interval])) / 1000


def record_of(raw: dict[str, str]) -> Record:
    """Read a record out of its hash; what cannot be read counts as not there."""
    return Record(
        known=bool(raw),
        state=raw.get("state", ""),
        ts=raw.get("ts", ""),
        place=raw.get("place", ""),
        claimed=number(raw.get("claimed")),
        asked=raw.get("asked") == "1",
        thread=raw.get("thread", ""),
        filters=_read(raw.get("filters"), Question.from_json),
        refusal=_read(raw.get("refusal"), _pair),
        doubt=raw.get("doubt") == "1",
    )


def _read(value: str | None, reader: Callable[[Any], T]) -> T | None:
    try:
        return reader(json.loads(value or ""))
    except (ValueError, RecursionError):
        return None


def _pair(value: Any) -> tuple[str, str]:
    if not isinstance(value, list):
        raise ValueError("not a pair")
    code, sentence = value
    return str(code), str(sentence)


def turn_of(job: Job) -> str:
    """Return a job's name in the order of arrival: files of one message, whose events carry one time, go by theirs."""
    return f"{job.file}:{job.id}"


def filters_field(question: Question) -> str:
    """Return filters as a record keeps them."""
    return json.dumps(question.to_json())


def number(value: Any) -> float:
    """Read a finite number; what is none counts as 0."""
    try:
        read = float(value)
    except (TypeError, ValueError):
        return 0.0
    return read if math.isfinite(read) else 0.0
