"""How a job ends: with its last word, with an apology, left to another job, or set aside until somebody asks."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace

from slack_sdk.errors import SlackApiError

from bot.answering.posts import PostLater, Posts, Unpostable
from bot.messages import Message, unforeseen
from bot.operations.requests import Request
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.queue.tasks import GivenUp, RedisQueue
from bot.slack.errors import code_of

_log = logging.getLogger(__name__)


class Endings:
    """Ends jobs by their posts, records and queue; raises redis.RedisError."""

    def __init__(self, posts: Posts, records: Records, queue: RedisQueue) -> None:
        self._posts = posts
        self._records = records
        self._queue = queue

    def final(self, job: Job, message: Message, request: Request) -> None:
        """Say the last word on the job; raises `PostLater`."""
        with request.timings("reply"):
            try:
                if job.ts:
                    self._posts.edit(job, message)
                else:
                    wait = 0.0 if job.slot else self._records.reserve(job.channel)
                    if wait:
                        raise PostLater(wait)
                    posted, says_it = self._posts.post(job, message)
                    if not says_it:
                        self._posts.edit(posted, message)
            except Unpostable as reason:
                self.given_up(job, str(reason), request)
                return
        self._records.put(job.id, state="done")

    def broken(self, job: Job, request: Request, error: Exception) -> None:
        """Tell the person of an error that nobody foresaw; the traceback goes to the log under the same number. Raises
        `GivenUp`."""
        reference = uuid.uuid4().hex[:8]
        request.broke(reference)
        _log.error("unforeseen error %s", reference, exc_info=error)
        if job.described or job.kind or job.addressed:
            sentence = unforeseen(reference, job.name)
            try:
                self.final(job, sentence, request)
            except PostLater as later:
                apology = ("internal", sentence.text)
                self._queue.intake(replace(job, refusal=apology, kind="", described=True), later.seconds)
            except SlackApiError as refused:
                _log.error("nobody could be told of error %s: Slack says %s", reference, code_of(refused))
                self._records.put(job.id, state="done")
        else:
            self.set_aside(job)  # nobody knows whether it is audio at all
        raise GivenUp("internal", reference) from None

    def given_up(self, job: Job, reason: str, request: Request) -> None:
        """End a job whose message Slack takes nowhere."""
        request.outcome = f"unpostable: {reason}"
        self._records.put(job.id, state="done")

    def repeated(self, job: Job, request: Request) -> None:
        """Leave a job to another that answers the same."""
        request.outcome = "repeated"
        self._records.put(job.id, state="done")

    def ignored(self, job: Job, request: Request) -> None:
        """Leave a file until somebody asks."""
        request.outcome = "ignored"
        self.set_aside(job)

    def set_aside(self, job: Job) -> None:
        """Say nothing of a file until somebody asks. Its record needs a state, or the bot would take the job for lost
        once the record has run out."""
        self._records.leave(job)
        self._records.put(job.id, state="ignored", refusal="")
        if self._records.get(job.id).asked:  # somebody asked in between, and saw no `ignored` yet
            self._queue.intake(replace(job, asked=True, refusal=None, described=False, attempt=0))
