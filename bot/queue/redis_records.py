"""The records of jobs in Redis, for all processes.

Keys, all with an end:
    soundalike:seen:CHANNEL:FILE   id of the job that answers this file there: repeated events are dropped
    soundalike:job:ID              hash: state, placeholder, claim (see `Record`)
    soundalike:thread:CHANNEL:TS   there: a file was shared by the message of this ts
    soundalike:lease:ID            whoever works the job now
    soundalike:turn:CHANNEL        sorted set of the jobs that await their placeholder, in the order of arrival
    soundalike:first:CHANNEL       hash: the first of these, and since when it is the first
    soundalike:slot:CHANNEL        when the next message may be posted there, in ms of Redis's clock
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import redis

from bot.queue.jobs import Job, Record
from bot.queue.records import (
    JOB_SECONDS,
    LEASE_SECONDS,
    POST_INTERVAL_SECONDS,
    SEEN_SECONDS,
    TURN_PATIENCE_SECONDS,
    TURN_SECONDS,
    opening_fields,
    record_of,
    turn_of,
)
from recommender.cache import KEY_PREFIX

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

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
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


def seen_key(channel: str, file: str) -> str:
    """Key of the mark that a file's event was seen."""
    return f"{KEY_PREFIX}seen:{channel}:{file}"


def job_key(job_id: str) -> str:
    """Key of a job's record."""
    return f"{KEY_PREFIX}job:{job_id}"


def lease_key(job_id: str) -> str:
    """Key of the lease on a job."""
    return f"{KEY_PREFIX}lease:{job_id}"


def turn_key(channel: str) -> str:
    """Key of the order of arrival in a channel."""
    return f"{KEY_PREFIX}turn:{channel}"


def thread_key(channel: str, thread: str) -> str:
    """Key of the mark that a message shares a file."""
    return f"{KEY_PREFIX}thread:{channel}:{thread}"


def first_key(channel: str) -> str:
    """Key of who is first in the order of arrival, and since when."""
    return f"{KEY_PREFIX}first:{channel}"


def slot_key(channel: str) -> str:
    """Key of the next time at which a channel takes a message."""
    return f"{KEY_PREFIX}slot:{channel}"


def _discarding_foreign(method: Callable[P, T]) -> Callable[P, T]:
    """Remove what lies under our keys and is of a type that we never write, and go on as if it were not there."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except redis.ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            records, what = cast("tuple[RedisRecords, Job | str]", args[:2])
            records.discard_foreign(what)
            return method(*args, **kwargs)

    return call


class RedisRecords:
    """Records in Redis; raises redis.RedisError where it fails."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._reserve = client.register_script(_RESERVE)
        self._release = client.register_script(_RELEASE)
        self._reclaim = client.register_script(_RECLAIM)
        self._renew = client.register_script(_RENEW)
        self._ahead = client.register_script(_AHEAD)

    def mark(self, channel: str, file: str, job_id: str) -> str:
        key = seen_key(channel, file)
        if self._client.set(key, job_id, nx=True, ex=SEEN_SECONDS):
            return job_id
        try:
            found = cast("bytes | None", self._client.get(key))
        except redis.ResponseError:
            self._client.set(key, job_id, ex=SEEN_SECONDS)  # no mark of ours
            return job_id
        return found.decode(errors="replace") if found else job_id

    def discard_foreign(self, what: Job | str) -> None:
        """Remove the keys of a job, or of an id or channel, whose values have a type that is not ours."""
        channel, job_id = (what.channel, what.id) if isinstance(what, Job) else (what, what)
        hashes, strings = (job_key(job_id), first_key(channel)), (lease_key(job_id), slot_key(channel))
        ours = dict.fromkeys(hashes, b"hash") | dict.fromkeys(strings, b"string") | {turn_key(channel): b"zset"}
        for key, kind in ours.items():
            if self._client.type(key) not in (kind, b"none"):
                _log.error("%s held a foreign value: removed", key.split(":")[1])
                self._client.delete(key)

    @_discarding_foreign
    def begin(self, job: Job) -> None:
        key, turn = job_key(job.id), turn_key(job.channel)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hsetnx(key, "accepted", repr(job.accepted))
            for name, value in opening_fields(job).items():
                pipe.hset(key, name, value)
            pipe.expire(key, JOB_SECONDS)
            pipe.zadd(turn, {turn_of(job): job.order}, nx=True)
            pipe.expire(turn, TURN_SECONDS)
            pipe.execute()

    @_discarding_foreign
    def get(self, job_id: str) -> Record:
        raw = cast("dict[bytes, bytes]", self._client.hgetall(job_key(job_id)))
        return record_of({key.decode(errors="replace"): value.decode(errors="replace") for key, value in raw.items()})

    @_discarding_foreign
    def put(self, job_id: str, **fields: str | int | float) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(job_key(job_id), mapping={key: str(value) for key, value in fields.items()})
            pipe.expire(job_key(job_id), JOB_SECONDS)
            pipe.execute()

    @_discarding_foreign
    def claim(self, job_id: str) -> bool:
        return bool(self._client.hsetnx(job_key(job_id), "claimed", repr(time.time())))

    @_discarding_foreign
    def reclaim(self, job_id: str, claimed: float) -> bool:
        return bool(self._reclaim(keys=[job_key(job_id)], args=[repr(claimed), repr(time.time())]))

    @_discarding_foreign
    def add_try(self, job_id: str) -> int:
        return int(self._client.hincrby(job_key(job_id), "tries", 1))

    @_discarding_foreign
    def lease(self, job_id: str, owner: str) -> bool:
        milliseconds = int(LEASE_SECONDS * 1000)
        if self._client.set(lease_key(job_id), owner, nx=True, px=milliseconds):
            return True
        return bool(self._renew(keys=[lease_key(job_id)], args=[owner, milliseconds]))

    @_discarding_foreign
    def release(self, job_id: str, owner: str) -> None:
        self._release(keys=[lease_key(job_id)], args=[owner])

    @_discarding_foreign
    def ahead(self, job: Job) -> int:
        keys = [turn_key(job.channel), first_key(job.channel)]
        return int(self._ahead(keys=keys, args=[turn_of(job), int(TURN_PATIENCE_SECONDS * 1000)]))

    @_discarding_foreign
    def leave(self, job: Job) -> None:
        self._client.zrem(turn_key(job.channel), turn_of(job))

    def note_thread(self, channel: str, thread: str) -> None:
        self._client.set(thread_key(channel, thread), "1", ex=SEEN_SECONDS)

    def has_thread(self, channel: str, thread: str) -> bool:
        return bool(self._client.exists(thread_key(channel, thread)))

    @_discarding_foreign
    def reserve(self, channel: str) -> float:
        interval = int(POST_INTERVAL_SECONDS * 1000)
        return int(self._reserve(keys=[slot_key(channel)], args=[interval])) / 1000
