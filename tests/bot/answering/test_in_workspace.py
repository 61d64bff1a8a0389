"""A job ends where its workspace removes the app, also while it is being worked; without the store it waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import redis

from bot import workspaces
from bot.answering.in_workspace import InWorkspace
from bot.errors import InstallationsAway, NotInstalled
from bot.queue import keys
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.workspaces import Workspace, within


@pytest.fixture
def job():
    workspaces.expect_many()
    with within(Workspace("T0ONE")):
        yield Job.new("C1", "F1", "U1")
    workspaces.expect_many(False)


@pytest.mark.parametrize("step", ["intake", "embed"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("error", [NotInstalled("gone"), InstallationsAway("away")])
def test_a_job_whose_workspace_is_not_to_be_had(redis_url: str, job: Job, step: str, when: str, error: Exception):
    client = redis.Redis.from_url(redis_url)
    records = Records(client)
    records.put(job.id, ts="1.0")
    worked, again = [], []

    def bot(_: Workspace) -> None:
        if when == "before":
            raise error

    def work(job: Job) -> None:
        worked.append(workspaces.current().id)
        raise error

    steps: Any = SimpleNamespace(intake=work, embed=work)
    queue: Any = SimpleNamespace(
        intake=lambda job, delay: again.append("intake"), embed=lambda job, delay: again.append("embed")
    )
    installations: Any = SimpleNamespace(bot=bot)
    getattr(InWorkspace(steps, installations, records, queue), step)(job)
    assert worked == (["T0ONE"] if when == "meanwhile" else [])
    gone = isinstance(error, NotInstalled)
    assert again == ([] if gone else [step])
    assert bool(client.exists(keys.job(job.id))) is not gone
