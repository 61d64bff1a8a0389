"""What metrics tell of the queue."""

from __future__ import annotations

from dataclasses import replace

import redis

from bot.queue import keys
from bot.queue.figures import figures
from bot.queue.jobs import Job
from bot.queue.tasks import EMBED, INTAKE, RedisQueue, make_broker


def test_an_empty_queue_has_nothing_that_waits(redis_url: str):
    found = figures(redis.Redis.from_url(redis_url))
    assert (found.length, found.dead, found.oldest) == (0, 0, None)


def test_tasks_are_counted_by_step_and_state_and_the_oldest_is_told(redis_url: str):
    queue, client = RedisQueue(redis_url), redis.Redis.from_url(redis_url)
    jobs = [replace(Job.new("C1", f"F{number}", "U1"), accepted=1000.0 + number) for number in range(4)]
    queue.embed(jobs[2])
    queue.embed(jobs[1])
    queue.intake(jobs[3])
    queue.intake(jobs[0], delay=60)
    assert next(make_broker(redis_url).consume(EMBED, prefetch=1, timeout=20)) is not None
    found = figures(client)
    counts = {key: count for key, count in found.tasks.items() if count}
    assert counts == {(EMBED, "waiting"): 1, (EMBED, "worked"): 1, (INTAKE, "waiting"): 1, (INTAKE, "delayed"): 1}
    assert (found.length, found.oldest) == (4, 1001.0)


def test_a_value_that_is_no_job_has_no_age(redis_url: str):
    client = redis.Redis.from_url(redis_url)
    client.hset(keys.messages(INTAKE), "foreign", b"[]")
    client.rpush(keys.queue(INTAKE), "foreign", "gone")
    assert figures(client).oldest is None
