"""What is kept of one workspace is unknown in another; ids of people and channels are the same in both here."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from bot import workspaces
from bot.__main__ import _forget
from bot.answering.history import History
from bot.answering.limits import QuestionLimit
from bot.answering.manners import MENTIONED, Manner, Manners
from bot.errors import RateLimited
from bot.operations.forget import forget, forget_workspace
from bot.questions import Question
from bot.queue import keys
from bot.queue.admission import Admission
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.queue.tasks import INTAKE, RedisQueue
from bot.settings import BotSettings
from bot.workspaces import SINGLE, Workspace, within
from recommender.errors import BadQuery

ONE, TWO, ORG = Workspace("T0ONE"), Workspace("T0TWO", "E0ORG"), Workspace("", "E0ORG")
PERSON, CHANNEL = "U0ADA", "C0SOUNDS"


@pytest.fixture(autouse=True)
def many() -> Iterator[None]:
    workspaces.expect_many()
    yield
    workspaces.expect_many(False)


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.mark.parametrize("workspace", [SINGLE, ONE, TWO, ORG])
def test_a_workspace_is_read_as_it_was_written(workspace: Workspace):
    assert Workspace.parse(str(workspace)) == workspace


@pytest.mark.parametrize(
    "key",
    [
        lambda: keys.seen(CHANNEL, "F1"),
        lambda: keys.turn(CHANNEL),
        lambda: keys.first(CHANNEL),
        lambda: keys.slot(CHANNEL),
        lambda: keys.thread(CHANNEL, "1.0"),
        lambda: keys.limit("upload", PERSON, 1),
        lambda: keys.manner(CHANNEL),
        lambda: keys.welcomed(PERSON),
        lambda: keys.history(PERSON),
        lambda: keys.job(Job.new(CHANNEL, "F1", PERSON).id),
        lambda: keys.lease(Job.new(CHANNEL, "F1", PERSON).id),
    ],
)
def test_each_key_is_a_workspaces_own(key):
    made = set()
    for workspace in (ONE, TWO, ORG):
        with within(workspace):
            made.add(key())
    assert len(made) == 3
    with pytest.raises(LookupError):
        key()  # refused, not shared
    workspaces.expect_many(False)
    assert not [part for part in key().split(":") if part in (ONE.id, TWO.id, ORG.id)]  # as before, with one token


def test_questions_settings_and_limits_are_not_shared(client: redis.Redis):
    history, limit = History(client), QuestionLimit(1)
    manners = Manners(client, BotSettings(_env_file=None))
    with within(ONE):
        history.add(PERSON, Question("#3"))
        manners.change(CHANNEL, answers=MENTIONED)
        limit.count(PERSON)
    for other in (TWO, ORG):
        with within(other):
            assert history.of(PERSON) == ()
            assert manners.of(CHANNEL) == Manner()
            limit.count(PERSON)
    with within(ONE), pytest.raises(RateLimited):
        limit.count(PERSON)


def test_one_file_of_two_workspaces_is_two_wishes(client: redis.Redis):
    admission = Admission(client, BotSettings(_env_file=None, uploads_per_minute=1))
    for workspace in (ONE, TWO):
        with within(workspace):
            job = admission.admit(Job.new(CHANNEL, "F1", PERSON, team=workspace.team), "F1")
            assert job.home == workspace
            assert Records(client).get(job.id).refusal is None
    assert client.llen(keys.queue(INTAKE)) == 2


def test_a_job_says_whose_it_is_and_an_old_one_is_its_teams():
    with within(TWO):
        job = Job.new(CHANNEL, "F1", PERSON)
    assert Job.from_json(job.to_json()).home == TWO
    assert "xox" not in str(job.to_json())
    assert Job.from_json({"id": "a", "channel": CHANNEL, "file": "F1", "team": "T0ONE"}).home == ONE


def test_leases_are_renewed_outside_of_any_workspace(client: redis.Redis):
    with within(ONE):
        job = Job.new(CHANNEL, "F1", PERSON)
        assert Records(client).lease(job.id, "me")
    assert Records(client).lease(job.id, "me")
    assert not Records(client).lease(job.id, "other")


def test_work_in_another_thread_stays_within_its_workspace():
    seen: list[tuple[str, ...]] = []
    with within(ONE):
        call = workspaces.here(lambda: seen.append(workspaces.scope()))
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert seen == [("T0ONE",)]


def test_one_workspace_is_forgotten_and_no_other(client: redis.Redis, redis_url: str):
    for workspace in (ONE, TWO):
        with within(workspace):
            History(client).add(PERSON, Question("#3"))
            History(client).add("U0BEN", Question("#4"))
            Manners(client, BotSettings(_env_file=None)).change(CHANNEL, answers=MENTIONED)
            job = Job.new(CHANNEL, "F1", PERSON)
            Records(client).put(job.id, filters='{"query": "secret"}')
    queue = RedisQueue(redis_url)
    assert forget(client, queue, None, PERSON, ONE.id) == {"last questions": 1}
    removed = forget_workspace(client, queue, ONE.id)
    assert removed == {"last questions": 1, "settings of channels": 1, "marks": 1}
    assert not [key for key in client.scan_iter() if ONE.id.encode() in key]
    with within(TWO):
        assert History(client).of(PERSON)
        assert History(client).of("U0BEN")
        assert Manners(client, BotSettings(_env_file=None)).of(CHANNEL).answers == MENTIONED
        assert Records(client).get(Job.new(CHANNEL, "F1", PERSON).id).known
    with pytest.raises(BadQuery):
        forget_workspace(client, queue, "*")


@pytest.mark.parametrize(
    ("client_id", "user", "workspace", "told"),
    [
        ("1.2", PERSON, None, "name it by --workspace"),
        ("", PERSON, "T0ONE", "SLACK_CLIENT_ID"),
        ("", None, None, "user id"),
    ],
)
def test_it_is_said_whom_to_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client_id: str, user: str | None, workspace: str | None, told: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLACK_CLIENT_ID", client_id)
    with pytest.raises(BadQuery, match=told):
        _forget(argparse.Namespace(user=user, workspace=workspace))
