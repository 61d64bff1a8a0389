"""Admits a job in one command of Redis: marked, counted, recorded, in the order of arrival and queued, or none of it.

Since that command does nothing the second time, it is repeated wherever its reply was lost, and each event of a file
may send it.
"""

from __future__ import annotations

import functools
import json
import time
from dataclasses import replace

import redis

from bot.errors import QueueFull, RateLimited
from bot.questions import Question
from bot.queue import keys
from bot.queue.jobs import Job
from bot.queue.records import JOB_SECONDS, SEEN_SECONDS, TURN_SECONDS, filters_field, turn_of
from bot.queue.tasks import INTAKE, QUEUES, message_of
from bot.settings import BotSettings
from recommender.errors import SoundalikeError

BUSY = "I have too many files to work on right now: send the file again in a few minutes."
WINDOW_SECONDS = 60

_ADMIT = """
local seen, record, turn, queue, messages, later = unpack(KEYS, 1, 6)
local id, seen_s, job_s, turn_s, member, order, accepted = unpack(ARGV, 1, 7)
local message_id, message, delay, doubt, asked, thread, filters = unpack(ARGV, 8, 14)
local queue_limit, busy, queues = tonumber(ARGV[15]), ARGV[16], tonumber(ARGV[17])

-- Nothing is written before all has been read: a value of a foreign type ends the script at a read.
local held = redis.call('GET', seen)
if held and held ~= id then return held end
local known = redis.call('HMGET', record, 'state', 'queued', 'asked')
local state, queued, was_asked = known[1], known[2], known[3]
if state == '' then state = false end
redis.call('ZCARD', turn)
redis.call('ZCARD', later)
redis.call('LLEN', queue)
local waiting = 0
for i = 1, queues do waiting = waiting + redis.call('HLEN', KEYS[6 + i]) end

local repeated = held and (queued or state)
local send = not repeated
if repeated then
    send = asked == '1' and not was_asked and state == 'ignored'
else
    if state then redis.call('DEL', record) end  -- that wish was answered long ago: this is a new one
    local refusal = false
    for i = 18, #ARGV, 2 do
        local count = redis.pcall('INCR', KEYS[6 + queues + (i - 16) / 2])
        if type(count) == 'number' then
            redis.call('EXPIRE', KEYS[6 + queues + (i - 16) / 2], 120)
            if count > tonumber(ARGV[i]) and not refusal then refusal = ARGV[i + 1] end
        end
    end
    if waiting >= queue_limit then refusal = busy end
    redis.call('HSETNX', record, 'accepted', accepted)
    redis.call('HSET', record, 'queued', 1)
    if refusal then redis.call('HSET', record, 'refusal', refusal) end
    if doubt == '1' then redis.call('HSET', record, 'doubt', 1) end
    redis.call('ZADD', turn, 'NX', order, member)
    redis.call('EXPIRE', turn, turn_s)
end
if asked == '1' then redis.call('HSET', record, 'asked', 1) end
if thread ~= '' then redis.call('HSETNX', record, 'thread', thread) end
if filters ~= '' then redis.call('HSET', record, 'filters', filters) end
redis.call('EXPIRE', record, job_s)
if not held then redis.call('SET', seen, id, 'EX', seen_s) end
if send then
    redis.call('HSET', messages, message_id, message)
    if delay == '0' or repeated then
        redis.call('RPUSH', queue, message_id)
    else
        local now = redis.call('TIME')
        redis.call('ZADD', later, now[1] * 1000 + math.floor(now[2] / 1000) + delay, message_id)
    end
end
return send and 1 or 0
"""


class Admission:
    """Admits jobs; raises redis.RedisError where it is not known whether one was."""

    def __init__(self, client: redis.Redis, settings: BotSettings) -> None:
        self._client = client
        self._settings = settings
        self._admit = client.register_script(_ADMIT)

    def admit(self, job: Job, mark: str, delay: float = 0.0) -> Job:
        """Admit a job, or add what it knows to the one that answers the same wish; return the job under the id by which
        it is known. mark: what tells the wish in its channel; delay: seconds before a new job begins."""
        while True:
            own, arguments = self._keys(job, mark), self._arguments(job, delay)
            admit = functools.partial(self._admit, keys=own, args=arguments)
            answer = keys.mending(self._client, own[: 6 + len(QUEUES)], admit)
            if not isinstance(answer, bytes):
                return job
            job = replace(job, id=answer.decode(errors="replace"))  # that of a bot of 0.1

    def _keys(self, job: Job, mark: str) -> list[str]:
        minute = int(time.time() // WINDOW_SECONDS)
        return [
            keys.seen(job.channel, mark),
            keys.job(job.id),
            keys.turn(job.channel),
            keys.queue(INTAKE),
            keys.messages(INTAKE),
            keys.later(INTAKE),
            *map(keys.messages, QUEUES),
            *(keys.limit(kind, who, minute) for kind, who, _, _ in self._limits(job)),
        ]

    def _limits(self, job: Job) -> list[tuple[str, str, int, str]]:
        """Return what a job is counted as, under whose name, how many of it a minute are taken, and whose they are."""
        if job.kind:
            return []
        settings = self._settings
        return [
            ("upload", job.user, settings.uploads_per_minute, "You send"),
            ("team-upload", job.team, settings.team_uploads_per_minute, "Your workspace sends"),
        ]

    def _arguments(self, job: Job, delay: float) -> list[str | int | float | bytes]:
        message = message_of(INTAKE, job)
        question = job.question(job.query)
        filters = "" if job.kind or question == Question("", name=job.name) else filters_field(question)
        refusals = [
            (limit, _refusal(RateLimited, f"{whose} more than {limit} files a minute: wait a minute, then try again."))
            for _, _, limit, whose in self._limits(job)
        ]
        return [
            job.id,
            SEEN_SECONDS,
            JOB_SECONDS,
            TURN_SECONDS,
            turn_of(job),
            job.order,
            repr(job.accepted),
            str(message.options["redis_message_id"]),
            message.encode(),
            int(delay * 1000),
            int(job.doubt),
            int(job.asked),
            job.thread,
            filters,
            self._settings.queue_limit,
            _refusal(QueueFull, BUSY),
            len(QUEUES),
            *(each for pair in refusals for each in pair),
        ]


def _refusal(error: type[SoundalikeError], sentence: str) -> str:
    return json.dumps([error.code, sentence])
