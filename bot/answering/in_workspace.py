"""The steps of a job, each within the job's workspace: with what is kept there and its token of now."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bot.errors import InstallationsAway, NotInstalled
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.queue.tasks import RedisQueue, Steps
from bot.slack.installations import Installations
from bot.workspaces import within

AWAY_SECONDS = 3.0
"""How long a job waits for the database of installations."""

_log = logging.getLogger(__name__)


class InWorkspace:
    """Does the steps of jobs whose workspace has the app installed, and ends the others."""

    def __init__(self, steps: Steps, installations: Installations, records: Records, queue: RedisQueue) -> None:
        self._steps = steps
        self._installations = installations
        self._records = records
        self._queue = queue

    def intake(self, job: Job) -> None:
        """Do the first step."""
        self._do(job, self._steps.intake, self._queue.intake)

    def embed(self, job: Job) -> None:
        """Do the second step."""
        self._do(job, self._steps.embed, self._queue.embed)

    def _do(self, job: Job, step: Callable[[Job], None], again: Callable[[Job, float], None]) -> None:
        with within(job.home):
            try:
                self._installations.bot(job.home)
                step(job)
            except NotInstalled:  # from the beginning, or while it was being worked
                _log.warning("job %s ends: its workspace has removed the app", job.id)
                self._records.remove(job)
            except InstallationsAway:
                again(job, AWAY_SECONDS)
