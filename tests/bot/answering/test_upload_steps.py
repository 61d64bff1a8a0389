"""The steps of an upload where Slack does not answer as it should."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from http.client import IncompleteRead
from typing import Any
from unittest.mock import MagicMock, Mock
from urllib.error import URLError

import pytest
import redis
from prometheus_client import CollectorRegistry
from slack_sdk.errors import SlackApiError

from bot.answering.manners import Manners
from bot.answering.mentions import Mentions
from bot.answering.posts import Posts
from bot.answering.upload_steps import MAX_DEATHS, THREAD_WAITS, UNNOTICED_SECONDS, UploadSteps
from bot.errors import InstallationsAway, NotInstalled
from bot.operations.requests import Observer
from bot.queue import keys
from bot.queue.jobs import Job
from bot.queue.leases import Leases
from bot.queue.records import Records
from bot.queue.tasks import GivenUp
from bot.settings import BotSettings
from recommender.errors import EmbedderDown, NotAudio
from tests.support.queue import admission

SILENCES = [
    URLError("away"),
    TimeoutError(),
    ConnectionResetError(),
    IncompleteRead(b"{"),
    json.JSONDecodeError("", "", 0),
]


class World:
    """One worker's steps on records in Redis, with a Slack whose every call is a mock."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)
        self.slack = Mock()
        self.slack.chat_postMessage.return_value = {"ts": "2.0", "channel": "C1"}
        self.records = Records(self.client)
        self.queue = Mock()
        self.recommender = Mock()
        self.leases = Leases(self.records)
        self.manners = Manners(self.client, BotSettings(_env_file=None))
        parts: Any = {name: MagicMock() for name in ("answerer", "downloader", "history", "scratch")}
        parts["answerer"].placed.side_effect = lambda question: question
        self.work = UploadSteps(
            client=self.slack,
            posts=Posts(self.slack, self.slack, self.records),
            records=self.records,
            queue=self.queue,
            leases=self.leases,
            recommender=self.recommender,
            observer=Observer(CollectorRegistry()),
            max_bytes=1000,
            manners=self.manners,
            mentions=Mentions(self.slack, self.records, admission(self.client)),
            **parts,
        )


@pytest.fixture
def world(redis_url: str) -> World:
    return World(redis_url)


@pytest.mark.parametrize("silence", SILENCES, ids=repr)
def test_a_file_that_slack_does_not_tell_of_is_asked_for_again(world: World, silence: Exception):
    world.slack.files_info.side_effect = silence
    job = Job.new("C1", "F1", "U1")
    world.work.intake(job)
    world.queue.intake.assert_called_once_with(replace(job, attempt=1), THREAD_WAITS[0])
    world.work.intake(replace(job, attempt=99))
    world.queue.intake.assert_called_with(replace(job, attempt=100), THREAD_WAITS[-1])
    world.work.intake(replace(job, attempt=99, accepted=job.accepted - UNNOTICED_SECONDS))
    assert world.records.get(job.id).state == "ignored"


@pytest.mark.parametrize("error", [NotInstalled("gone"), InstallationsAway("away")], ids=repr)
@pytest.mark.parametrize("step", ["intake", "embed"])
def test_without_a_token_nobody_is_told_and_nothing_is_said_to_have_broken(world: World, error: Exception, step: str):
    for name in ("files_info", "chat_postMessage", "chat_update", "reactions_add"):
        getattr(world.slack, name).side_effect = error
    job = Job.new("D1", "F1", "U1", thread="1.0")
    with pytest.raises(type(error)):
        getattr(world.work, step)(job)
    assert world.records.get(job.id).state == ""
    assert not world.queue.mock_calls


def test_who_sent_a_file_directly_is_told_before_long_that_slack_does_not_tell_of_it(world: World):
    world.slack.files_info.side_effect = URLError("away")
    job = Job.new("D1", "F1", "U1", thread="1.0")
    world.work.intake(replace(job, attempt=len(THREAD_WAITS)))
    assert "Slack did not tell me" in world.slack.chat_postMessage.call_args.kwargs["text"]
    assert world.records.get(job.id).state == "done"


def test_a_job_that_broke_before_anybody_was_told_has_an_end_and_may_be_asked_for(world: World):
    world.slack.files_info.side_effect = RuntimeError("unforeseen")
    job = Job.new("C1", "F1", "U1")
    admission(world.client).admit(job, "F1")
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


class Killed(BaseException):
    """The process ends here."""


def test_a_file_that_kills_its_worker_kills_four(redis_url: str):
    """Also where passing errors put it off in between."""
    job = replace(Job.new("C1", "F1", "U1", thread="1.0"), ts="2.0", name="a.wav")
    deaths: list[World] = []

    def kill(*_: Any) -> None:
        deaths.append(alive)
        records: Any = alive.records
        records.end_work = records.release = Mock(side_effect=redis.ConnectionError)  # the dead tell Redis nothing
        raise Killed

    while not (alive := World(redis_url)).records.get(job.id).state:
        alive.client.delete(keys.lease(job.id))  # as after `LEASE_SECONDS`
        for effect in (EmbedderDown("away"), kill):
            alive.recommender.embed_file.side_effect = effect
            with suppress(GivenUp, Killed):
                alive.work.embed(job)
        assert len(deaths) <= MAX_DEATHS
        told = alive.slack.chat_update.call_args
    assert len(deaths) == MAX_DEATHS == 4
    assert "I gave up on this file" in told.kwargs["text"]


def test_a_worker_that_is_told_to_stop_has_not_died_of_its_work(world: World):
    world.records.begin_work("x", world.leases.owner)
    assert world.leases.hold("x")
    world.leases.close()
    assert world.records.lease("x", "another")
    assert world.records.begin_work("x", "another") == 0


def test_an_upload_that_was_too_much_is_refused(world: World):
    job = admission(world.client).admit(Job.new("D1", "F1", "U1", thread="1.0"), "F1")
    world.records.put(job.id, refusal='["busy", "Later, please."]')
    world.slack.files_info.return_value = {
        "file": {"id": "F1", "mimetype": "audio/wav", "filetype": "wav", "url_private": "https://files.slack.com/a.wav"}
    }
    world.work.intake(replace(job, accepted=0.0))
    assert "Later, please." in world.slack.chat_postMessage.call_args.kwargs["text"]


SOUND = {
    "id": "F1", "name": "a.wav", "mimetype": "audio/wav", "size": 10, "url_private": "https://files.slack.com/a",
    "shares": {"public": {"C1": [{"ts": "1.0"}]}},
}  # fmt: skip


@pytest.mark.parametrize("answers", ["mentioned", "ear"])
def test_where_a_channel_wants_no_answers_a_file_waits_until_somebody_asks(world: World, answers: str):
    world.manners.change("C1", answers=answers)
    world.slack.files_info.return_value = {"file": SOUND}
    job = Job.new("C1", "F1", "U1")
    world.work.intake(job)
    assert world.records.get(job.id).state == "ignored"
    assert world.records.files("C1", "1.0") == ["F1"]
    assert not world.slack.chat_postMessage.called
    assert world.slack.reactions_add.called == (answers == "ear")
    world.work.intake(replace(job, asked=True))
    assert "a.wav" in world.slack.chat_postMessage.call_args.kwargs["text"]


@pytest.mark.parametrize("why", ["already_reacted", "missing_scope", "too_many_reactions"])
def test_a_reaction_that_slack_refuses_breaks_nothing(world: World, why: str):
    world.manners.change("C1", answers="ear")
    world.slack.files_info.return_value = {"file": SOUND}
    world.slack.reactions_add.side_effect = SlackApiError("no", {"ok": False, "error": why})
    job = Job.new("C1", "F1", "U1")
    world.work.intake(job)
    assert world.records.get(job.id).state == "ignored"


@pytest.mark.parametrize("asked", [False, True])
def test_speech_alone_is_passed_over_where_nobody_asked(world: World, asked: bool):
    world.manners.change("C1", speech=False)
    world.recommender.similar_to.return_value.sounds_like = (("Speech", 0.9), ("Music", 0.1))
    job = replace(Job.new("C1", "F1", "U1", thread="1.0", asked=asked), described=True, slot=True)
    world.work.embed(job)
    assert world.slack.chat_postMessage.called == asked
    assert world.records.get(job.id).state == ("done" if asked else "ignored")


def test_whoever_asks_while_a_file_proves_to_be_no_audio_is_answered(world: World):
    job = replace(Job.new("C1", "F1", "U1", thread="1.0"), described=True, slot=True)

    def asked_in_between(*_: Any) -> None:
        world.client.hset(keys.job(job.id), "asked", 1)
        raise NotAudio("That is no audio.")

    world.recommender.embed_file.side_effect = asked_in_between
    world.work.embed(job)
    assert not world.slack.chat_postMessage.called
    (again,) = world.queue.intake.call_args.args
    assert again.asked and again.id == job.id
