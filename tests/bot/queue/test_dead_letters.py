"""Jobs that failed for good are shown, tried again and removed."""

from __future__ import annotations

import json

import pytest
import redis

from bot.queue import keys
from bot.queue.dead_letters import DeadLetters
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.queue.tasks import RedisQueue, message_of
from tests.support.queue import admission, queued


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def letters(redis_url: str) -> DeadLetters:
    return DeadLetters(RedisQueue(redis_url))


def bury(client: redis.Redis, job: Job, step: str = "embed", code: str = "embedder-down") -> None:
    message = message_of(step, job).copy(options={"failure": [code, "r1"]})
    message_id = str(message.options["redis_message_id"])
    client.hset(keys.dead_messages(step), message_id, message.encode())
    client.zadd(keys.dead(step), {message_id: 1})


def test_they_are_shown_oldest_first_with_why_they_failed(client: redis.Redis, letters: DeadLetters):
    for file in ("F1", "F2"):
        bury(client, Job.new("C1", file, "U1"), "listen" if file == "F1" else "embed")
    client.hset(keys.dead_messages("intake"), b"\xff", "no message")
    shown = [letter.to_json() for letter in letters.show()]
    assert [(each["code"], each.get("file"), each["step"]) for each in shown] == [
        ("unreadable", None, "intake"), ("embedder-down", "F1", "listen"), ("embedder-down", "F2", "embed"),
    ]  # fmt: skip
    assert shown[1]["reference"] == "r1"
    assert json.dumps(shown)
    assert [letter.message_id for letter in letters.show([shown[1]["id"]])] == [shown[1]["letter"]]


def test_one_that_is_tried_again_begins_anew_on_the_message_that_its_person_has(
    client: redis.Redis, letters: DeadLetters
):
    job = admission(client).admit(Job.new("C1", "F1", "U1"), "F1")
    records = Records(client)
    records.put(job.id, state="done", dead=4, refusal='["busy", "Later."]')
    client.delete(keys.queue("intake"), keys.messages("intake"))
    bury(client, Job.from_json({**job.to_json(), "ts": "2.0", "described": True, "attempt": 3}))
    other = Job.new("C1", "F2", "U1")
    bury(client, other)
    assert [letter.job.id for letter in letters.retry([job.id]) if letter.job] == [job.id]
    (again,) = queued(client)
    assert (again["id"], again.get("attempt"), again.get("described"), again["ts"]) == (job.id, None, None, "2.0")
    record = records.get(job.id)
    assert (record.state, record.refusal, record.ts, record.claimed > 0) == ("", None, "2.0", True)
    assert records.begin_work(job.id, "a") == 0
    assert [letter.job for letter in letters.show()] == [other]


def test_what_is_no_job_is_not_tried_again_but_can_be_removed(client: redis.Redis, letters: DeadLetters):
    client.hset(keys.dead_messages("intake"), b"\xff", "no message")
    assert letters.retry([]) == []
    assert len(letters.purge([])) == 1
    assert letters.show() == []


def test_those_of_a_person_are_forgotten(client: redis.Redis, letters: DeadLetters):
    for name in ("U1", "U2"):
        bury(client, Job.new("C1", f"F{name}", name))
    assert letters.forget("U1") == 1
    assert [letter.job.user for letter in letters.show() if letter.job] == ["U2"]
