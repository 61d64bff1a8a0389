"""Jobs between versions: those of 0.1 are read, those of this version are read by 0.1, and unknown fields travel on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from queue import Queue
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st

from bot.questions import Question
from bot.queue import keys
from bot.queue.dead_letters import DeadLetters
from bot.queue.figures import figures
from bot.queue.jobs import Job
from bot.queue.tasks import RedisQueue, Workers

UPLOAD_0_1 = (
    '{"id":"a28547d85fe94aab88ad1ccec492bd35","channel":"C012SOUND","file":"F012AB","user":"U012AB3CD","team":"T1",'
    '"thread":"1700000000.000100","ts":"","asked":true,"fallback":"","refusal":["busy","Later."],"top":5,'
    '"only":["Jazz","Rain"],"without":["Speech"],"accepted":1795580389.0332916,"order":1700000000.0002,"name":"",'
    '"url":"","seconds":0.0,"slot":false,"described":false,"text":"","query":"","doubt":false,"attempt":0}'
)
QUESTION_0_1 = (
    '{"id":"23398a33471949c1a9dc8da97929d19f","channel":"D012AB","file":"","user":"U012AB3CD","team":"T1",'
    '"thread":"1700000000.000100","ts":"","asked":true,"fallback":"","refusal":null,"top":10,"only":[],"without":[],'
    '"accepted":1795580389.0338433,"order":1795580389.0338433,"name":"","url":"","seconds":0.0,"slot":false,'
    '"described":false,"text":"similar","query":"#193","doubt":false,"attempt":0}'
)
MESSAGE_0_1 = (
    '{"queue_name":"listen","actor_name":"listen","args":[],"kwargs":{"job":' + UPLOAD_0_1 + '},"options":'
    '{"redis_message_id":"x"},"message_id":"e0d939c0-b788-4f68-9da5-3510b2ef98ed","message_timestamp":1795580389034}'
)
"""As version 0.1 wrote them."""
REQUIRED_0_1 = {"id", "channel", "file", "user"}


def test_jobs_of_0_1_are_read():
    upload, question = (Job.from_json(json.loads(text)) for text in (UPLOAD_0_1, QUESTION_0_1))
    assert (upload.file, upload.asked, upload.order, upload.kind) == ("F012AB", True, 1700000000.0002, "")
    assert upload.question("") == Question("", top=5, only=("Jazz", "Rain"), without=("Speech",))
    assert upload.refusal == ("busy", "Later.")
    assert (question.kind, question.query, question.refusal) == ("similar", "#193", None)


@pytest.mark.parametrize(
    "job",
    [
        Job.new("C1", "F1", "U1", thread="1.0", asked=True, fallback="U1").with_filters(Question("", top=3)),
        replace(Job.new("D1", "F1", "U1"), ts="2.0", slot=True, described=True, doubt=True, attempt=2, name="a.wav"),
        Job.new("D1", "", "U1", mark="message:1.0", kind="similar", query="#193", only=("Jazz",)),
        Job.new("D1", "", "U1", mark="message:1.0", refusal=("internal", "It broke.")),
    ],
)
def test_jobs_of_this_version_are_read_by_0_1(job: Job):
    """It raised at a field that it did not know, and required four."""
    written = json.loads(json.dumps(job.to_json()))
    assert REQUIRED_0_1 <= written.keys() <= json.loads(UPLOAD_0_1).keys()
    assert Job.from_json(written) == job


def test_fields_of_a_later_version_travel_on():
    written = {**json.loads(QUESTION_0_1), "mood": {"calm": 1}}
    passed_on = replace(Job.from_json(written), attempt=1).to_json()
    assert (passed_on["mood"], passed_on["attempt"]) == ({"calm": 1}, 1)


values = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3))


@example({"order": 10**400})
@example({"accepted": math.nan})
@given(st.dictionaries(st.sampled_from([*json.loads(UPLOAD_0_1), "kind", "unknown"]), values))
def test_whatever_is_read_is_a_job_or_a_value_error(changed: dict[str, Any]):
    try:
        job = Job.from_json({**json.loads(UPLOAD_0_1), **changed})
    except ValueError:
        return
    again = Job.from_json(json.loads(json.dumps(job.to_json())))
    assert replace(again, unknown={}) == replace(job, unknown={})


@pytest.mark.parametrize("data", [{}, {"id": "x"}, {"channel": "C1"}])
def test_what_lacks_id_or_channel_is_no_job(data: dict[str, Any]):
    with pytest.raises(ValueError, match="not a job"):
        Job.from_json(data)


@pytest.fixture
def worked(redis_url: str) -> Iterator[Queue[Job]]:
    """The jobs that a worker's second step has begun."""
    begun: Queue[Job] = Queue()
    workers = Workers(redis_url, cast(Any, SimpleNamespace(intake=begun.put, embed=begun.put)), 1)
    workers.start()
    yield begun
    workers.stop()


def test_what_0_1_left_in_its_queue_is_worked(redis_url: str, worked: Queue[Job]):
    client = redis.Redis.from_url(redis_url)
    client.hset(keys.messages("listen"), "x", MESSAGE_0_1)
    assert figures(client).length == 1
    client.rpush(keys.queue("listen"), "x")
    assert worked.get(timeout=20) == Job.from_json(json.loads(UPLOAD_0_1))


def test_a_message_whose_job_is_none_is_set_aside_and_holds_nothing_up(redis_url: str, worked: Queue[Job]):
    client = redis.Redis.from_url(redis_url)
    client.hset(keys.messages("listen"), "x", MESSAGE_0_1.replace('"top":5', '"top":"five"'))
    client.rpush(keys.queue("listen"), "x")
    RedisQueue(redis_url).embed(good := Job.new("C1", "F1", "U1"))
    assert worked.get(timeout=20) == good
    letters = DeadLetters(RedisQueue(redis_url))
    for _ in range(400):
        if letters.show():
            break
        time.sleep(0.05)
    (letter,) = letters.show()
    assert (letter.code, letter.queue, letter.job) == ("unreadable", "listen", None)
