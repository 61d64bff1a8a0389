"""Takes wishes on: seen once, counted, durably queued before Slack's event is acknowledged.

Where Redis does not answer, the bot works them in its own bounded pool. Where it failed half way, or came back empty,
what was accepted is queued again; the steps of the work may be done twice without harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from typing import Any

import redis

from bot.answering.posts import CLAIM_SECONDS
from bot.errors import QueueFull, RateLimited
from bot.questions import Question
from bot.queue.jobs import Job
from bot.queue.memory_queue import LocalQueue
from bot.queue.memory_records import MemoryRecords
from bot.queue.records import SEEN_SECONDS, filters_field
from bot.queue.redis_records import RedisRecords
from bot.services import Services

LEAVE_ALONE_SECONDS = 3.0
"""After a failure, how long Redis is not asked, so that not every event waits for its time-out."""
LOOK_SECONDS = 2.0
"""How often the bot looks after what it accepted."""
BUSY = "I have too much to listen to right now: send the file again in a few minutes."
MARKS_KEPT = 5000
"""Events whose job this process remembers by itself: more than come within the minutes of Slack's retries."""
DRAIN_SECONDS = 8.0
LOCAL_LIMIT = 50
"""Uploads the bot holds in memory while Redis is away: more would be lost with it."""

_log = logging.getLogger(__name__)


class NoLeases:
    """In one process the local queue hands each job to one thread."""

    def hold(self, job_id: str) -> bool:
        """Always."""
        return True

    def drop(self, job_id: str) -> None:
        """Nothing to do."""


class Acceptance:
    """Accepts jobs in the bot's process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._records = RedisRecords(services.redis)
        self._lock = threading.Lock()
        self._down_until = 0.0
        self._outstanding: OrderedDict[str, Job] = OrderedDict()
        self._unqueued: OrderedDict[str, Job] = OrderedDict()
        self._marked: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._busy: set[str] = set()
        self._memory = MemoryRecords()
        self._local = LocalQueue()
        self._local.steps = services.upload_steps(self._memory, self._local, NoLeases())
        threading.Thread(target=self._look_after, name="acceptance", daemon=True).start()

    def upload(
        self,
        channel: str,
        file: str,
        user: str,
        *,
        team: str = "",
        thread: str = "",
        asked: bool = False,
        fallback: str = "",
        filters: Question | None = None,
        again: bool = False,
        at: str = "",
    ) -> bool:
        """Accept a file, unless it was accepted for this channel before; returns whether it was new. again: somebody
        asks for a file that may have been answered long ago; at: Slack's time of the event."""
        job = Job.new(channel, file, user, team=team, thread=thread, asked=asked, fallback=fallback, at=at)
        mark = f"{file}:{job.id}" if again else file
        return self._accept(job.with_filters(filters), mark, filters)

    def question(
        self, channel: str, user: str, mark: str, kind: str, question: Question, *, team: str = "", thread: str = ""
    ) -> bool:
        """Accept a typed question that is answered by a message; mark: what tells its repetitions."""
        job = Job.new(channel, "", user, team=team, thread=thread, asked=True, text=kind, query=question.query)
        job = replace(job.with_filters(question), name=question.name)
        return self._accept(job, mark, None)

    def has_file(self, channel: str, ts: str) -> bool:
        """Whether the message of this ts is known to share a file."""
        if self._redis_is_away():
            return self._memory.has_thread(channel, ts)
        try:
            return self._records.has_thread(channel, ts)
        except redis.RedisError as error:
            self._failed(error)
            return False

    def close(self) -> None:
        """Finish what is in the bot's own pool, as far as there is time: it would be lost with the process."""
        deadline = time.monotonic() + DRAIN_SECONDS
        pause = threading.Event()
        while self._local.length() and time.monotonic() < deadline:
            pause.wait(0.05)
        if left := self._local.length():
            _log.error("%d uploads are lost: Redis was away, and there was no time to finish them", left)

    def _accept(self, job: Job, mark: str, filters: Question | None) -> bool:
        if self._memory.has_mark(job.channel, mark):
            return False  # worked here while Redis was away
        before, until = self._marked.get((job.channel, mark), ("", 0.0))
        before = before if time.monotonic() < until else ""
        if not self._redis_is_away():
            try:
                return self._accept_in_redis(job, mark, before, filters)
            except redis.RedisError as error:
                self._failed(error)
        # A repetition of what was accepted is not worked here as well: it is in the queue, or will be.
        return False if before else self._accept_here(job, mark)

    def _accept_in_redis(self, job: Job, mark: str, before: str, filters: Question | None) -> bool:
        """Accept a job unless it was before; before: the id that this process gave it then, which outlives a Redis that
        comes back empty. Raises redis.RedisError as long as nothing is queued."""
        job = replace(job, id=before, doubt=True) if before else job
        held = self._records.mark(job.channel, mark, job.id)
        if (held != job.id or before) and self._repeated(held, job, filters):
            return False
        job = replace(job, id=held)  # another's where its process died before queueing it
        with self._lock:
            self._busy.add(held)
        try:
            job = self._checked(job)
            with self._lock:
                self._marked[job.channel, mark] = held, time.monotonic() + SEEN_SECONDS
                while len(self._marked) > MARKS_KEPT:
                    self._marked.popitem(last=False)
            return self._queued(job, mark)
        finally:
            with self._lock:
                self._busy.discard(held)

    def _queued(self, job: Job, mark: str) -> bool:
        with self._lock:
            self._outstanding[job.id] = job
            while len(self._outstanding) > 2 * self._services.settings.queue_limit:
                self._outstanding.popitem(last=False)
        try:
            self._enqueue(job)
        except redis.ResponseError as error:
            # Redis refused, so it is not queued: memory is full, or this is a copy that only reads.
            self._failed(error)
            with self._lock:
                self._outstanding.pop(job.id, None)
            return self._accept_here(job, mark)
        except redis.RedisError as error:
            # It may be queued or not. Working it here as well would answer it twice; queueing it again does not.
            self._failed(error)
            with self._lock:
                self._unqueued[job.id] = job
        return True

    def _enqueue(self, job: Job, delay: float = 0.0) -> None:
        self._records.begin(job)
        self._services.queue.intake(job, delay)
        with suppress(redis.RedisError):  # without the mark a repeated event queues it once more, which does no harm
            self._records.put(job.id, queued=1)

    def _checked(self, job: Job) -> Job:
        """Return the job, refused where the person, the workspace or the queue has had enough."""
        try:
            if not job.text:
                self._services.limits.require_upload(self._services.redis, job.user, job.team)
            if self._services.queue.length() >= self._services.settings.queue_limit:
                raise QueueFull(BUSY)
        except (RateLimited, QueueFull) as error:
            return replace(job, refusal=(error.code, str(error)))
        return job

    def _repeated(self, held: str, job: Job, filters: Question | None) -> bool:
        """Add to a job that exists what only this event knows; false where the job does not exist after all."""
        record = self._records.get(held)
        if not record.queued and not record.state and held not in self._busy:
            return False
        news: dict[str, Any] = {}
        if job.asked and not record.asked:
            news["asked"] = 1
        if job.thread and not record.thread:
            news["thread"] = job.thread
        if filters is not None and filters != Question(""):
            news["filters"] = filters_field(filters)
        if news:
            self._records.put(held, **news)
            if "asked" in news and self._records.get(held).state == "ignored":
                self._services.queue.intake(replace(job, id=held))
        return True

    def _accept_here(self, job: Job, mark: str) -> bool:
        if self._memory.mark(job.channel, mark, job.id) != job.id:
            return False
        try:
            if not job.text:
                self._services.limits.require_upload(None, job.user, job.team)
        except RateLimited as error:
            job = replace(job, refusal=(error.code, str(error)))
        if self._local.length() >= LOCAL_LIMIT:
            job = replace(job, refusal=(QueueFull.code, BUSY))
        self._memory.begin(job)
        self._local.intake(job)
        return True

    def _redis_is_away(self) -> bool:
        with self._lock:
            return time.monotonic() < self._down_until

    def _failed(self, error: Exception) -> None:
        _log.warning("Redis does not answer (%s): uploads are worked in the bot's own pool", type(error).__name__)
        with self._lock:
            self._down_until = time.monotonic() + LEAVE_ALONE_SECONDS

    def _look_after(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                self.look_after()
            except redis.RedisError as error:
                self._failed(error)

    def look_after(self) -> None:
        """Queue what may not have been queued, and what a Redis that came back empty has lost; raises
        redis.RedisError."""
        with self._lock:
            unqueued, outstanding = list(self._unqueued.values()), list(self._outstanding.values())
        for job in unqueued:
            self._enqueue(job)
            with self._lock:
                self._unqueued.pop(job.id, None)
        for job in outstanding:
            record = self._records.get(job.id)
            if record.state:
                with self._lock:
                    self._outstanding.pop(job.id, None)
            elif not record.known:
                _log.warning("Redis has lost job %s: queued again", job.id)
                # Whoever was about to post it when it was lost has done so by then.
                self._enqueue(replace(job, doubt=True), CLAIM_SECONDS)
