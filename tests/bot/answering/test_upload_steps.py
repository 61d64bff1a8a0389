"""The steps of an upload where Slack does not answer as it should."""

from __future__ import annotations

import json
from dataclasses import replace
from http.client import IncompleteRead
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from urllib.error import URLError

import pytest
import redis
from prometheus_client import CollectorRegistry
from slack_sdk.errors import SlackApiError

from bot.answering.posts import Posts
from bot.answering.upload_steps import THREAD_WAITS, UNHEARD_SECONDS, UploadSteps
from bot.operations.requests import Observer
from bot.queue.jobs import Job
from bot.queue.memory_records import MemoryRecords
from bot.queue.tasks import GivenUp

SILENCES = [
    URLError("away"),
    TimeoutError(),
    ConnectionResetError(),
    IncompleteRead(b"{"),
    json.JSONDecodeError("", "", 0),
]


class World:
    """The steps on records in memory, with a Slack whose every call is a mock."""

    def __init__(self) -> None:
        self.slack = Mock()
        self.slack.chat_postMessage.return_value = {"ts": "2.0", "channel": "C1"}
        self.records = MemoryRecords()
        self.queue = Mock()
        parts: Any = dict.fromkeys(("answerer", "downloader", "history", "recommender", "scratch"), Mock())
        self.work = UploadSteps(
            client=self.slack,
            posts=Posts(self.slack, self.slack, self.records),
            records=self.records,
            queue=self.queue,
            leases=SimpleNamespace(hold=lambda job_id: True, drop=lambda job_id: None),
            observer=Observer(CollectorRegistry()),
            max_bytes=1000,
            **parts,
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("silence", SILENCES, ids=repr)
def test_a_file_that_slack_does_not_tell_of_is_asked_for_again(world: World, silence: Exception):
    world.slack.files_info.side_effect = silence
    job = Job.new("C1", "F1", "U1")
    world.work.intake(job)
    world.queue.intake.assert_called_once_with(replace(job, attempt=1), THREAD_WAITS[0])
    world.work.intake(replace(job, attempt=99))
    world.queue.intake.assert_called_with(replace(job, attempt=100), THREAD_WAITS[-1])
    world.work.intake(replace(job, attempt=99, accepted=job.accepted - UNHEARD_SECONDS))
    assert world.records.get(job.id).state == "ignored"


def test_who_sent_a_file_directly_is_told_before_long_that_slack_does_not_tell_of_it(world: World):
    world.slack.files_info.side_effect = URLError("away")
    job = Job.new("D1", "F1", "U1", thread="1.0")
    world.work.intake(replace(job, attempt=len(THREAD_WAITS)))
    assert "Slack did not tell me" in world.slack.chat_postMessage.call_args.kwargs["text"]
    assert world.records.get(job.id).state == "done"


def test_a_job_that_broke_before_anybody_was_told_has_an_end_and_may_be_asked_for(world: World):
    world.slack.files_info.side_effect = RuntimeError("unforeseen")
    job = Job.new("C1", "F1", "U1")
    world.records.begin(job)
    with pytest.raises(GivenUp):
        world.work.intake(job)
    assert world.records.get(job.id).state == "ignored"
    assert world.records.ahead(Job.new("C1", "F2", "U1")) == 0
    with pytest.raises(GivenUp):
        world.work.intake(replace(job, asked=True, thread="1.0"))
    assert world.slack.chat_postMessage.called


def test_a_job_whose_apology_slack_refuses_has_an_end(world: World):
    world.slack.files_info.side_effect = RuntimeError("unforeseen")
    refusal = SlackApiError("no", {"ok": False, "error": "account_inactive"})
    world.slack.chat_update.side_effect = world.slack.chat_postMessage.side_effect = refusal
    job = replace(Job.new("C1", "F1", "U1"), described=True, ts="1.0", refusal=("busy", "Later."), slot=True)
    world.work.intake(job)
    assert world.records.get(job.id).state == "done"


def test_a_broken_job_is_done_again_where_redis_takes_no_note_of_it(world: World):
    world.slack.files_info.side_effect = RuntimeError("unforeseen")
    world.records.put = Mock(side_effect=redis.ConnectionError)  # type: ignore[method-assign]
    with pytest.raises(redis.ConnectionError):
        world.work.intake(Job.new("C1", "F1", "U1"))
