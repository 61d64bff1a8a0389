"""Finds the file that a mention means: one that its event left out, or that of the message that began its thread."""

from __future__ import annotations

import logging
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.questions import Question
from bot.queue.admission import Admission
from bot.queue.jobs import Job, marked
from bot.queue.records import Records
from bot.slack.errors import UNREACHED, code_of
from bot.slack.files import SharedFile
from bot.slack.payloads import items

FILE_WAITS = (0.4, 1.1)
"""Seconds between looks for the file of a mention: Slack may leave it out of the event, and tells of it in others."""

_log = logging.getLogger(__name__)


class Mentions:
    """Turns mentions into wishes for files; raises redis.RedisError."""

    def __init__(self, client: WebClient, records: Records, admission: Admission) -> None:
        self._client = client
        self._records = records
        self._admission = admission

    def wait(self, job: Job) -> float:
        """Return the seconds to wait for a file that the mention may have brought, 0 for none. Ids need no file, and a
        remark is answered before long."""
        looks = {"nothing": 2, "wrong": 2, "similar": 1 if " " in job.query else 0}.get(job.kind, 0)
        return 0.0 if job.direct or job.attempt >= looks else FILE_WAITS[job.attempt]

    def handed_on(self, job: Job) -> bool:
        """Whether the mention is about files, whose answers are its own: the file that it shares, or, where it says
        nothing else, that of its thread."""
        if job.direct:
            return False
        own = self._records.files(job.channel, job.message)
        alone = job.kind == "nothing"
        asked = job.question(job.query)
        filters = asked if alone and asked != Question("") else None
        for file in own:
            # The answer may stand already, without these filters: then it is edited.
            edition = job.edition or (job.message if filters else "")
            self._wish(job, file, file, edition, filters)
        if own or not alone or self.wait(job):
            return bool(own)
        parents = self._of_thread(job)
        for file in parents:
            self._wish(job, file, f"{file}:{job.message}", job.edition, filters)
        return bool(parents)

    def _wish(self, job: Job, file: str, mark: str, edition: str, filters: Question | None) -> None:
        wish = Job.new(
            job.channel,
            file,
            job.user,
            mark=mark,
            edition=edition,
            at=job.message,
            team=job.team,
            thread=job.thread,
            asked=True,
        )
        self._admission.admit(wish.with_filters(filters), marked(mark, edition))

    def _of_thread(self, job: Job) -> list[str]:
        """Return the files of the first message of the mention's thread, by what was seen or by what Slack tells."""
        if job.thread in ("", job.message):
            return []
        known = self._records.files(job.channel, job.thread)
        if known:
            return known
        try:
            found: Any = self._client.conversations_replies(channel=job.channel, ts=job.thread, limit=1)
        except SlackApiError as error:
            _log.info("the thread of a mention cannot be read (%s)", code_of(error))
            return []
        except UNREACHED as error:
            _log.info("the thread of a mention cannot be read (%s)", type(error).__name__)
            return []
        first = [each for each in items(found.data, "messages") if each.get("ts") == job.thread]
        files = [SharedFile.from_slack(file) for each in first for file in items(each, "files")]
        return [file.file_id for file in files if file.file_id and file.sounds is not False]
