"""Accepts wishes: an event is acknowledged once its job is in Redis, and not before.

Where Redis does not answer in time, the event stays unacknowledged, and Slack delivers it again; this process goes on
meanwhile, so that nobody waits for Slack's next attempt. Admission may be repeated at will.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import redis
from slack_sdk.errors import SlackApiError

from bot.answering.posts import CLAIM_SECONDS
from bot.errors import InstallationsAway, QueueAway
from bot.messages import queue_away
from bot.questions import Question
from bot.queue.admission import Admission
from bot.queue.jobs import Job, marked
from bot.queue.records import SEEN_SECONDS, Records
from bot.services import Services
from bot.slack.errors import UNREACHED, code_of
from bot.slack.files import file_info
from bot.workspaces import within
from recommender.errors import SoundalikeError

ACK_SECONDS = 1.5
"""How long an event is tried for. Slack waits three seconds for its acknowledgement, and a command of Redis takes one
at most."""
PAUSE_SECONDS = 0.1
WAITERS = 8
"""Events that wait for Redis at a time: the threads that receive them are needed for commands."""
LOOK_SECONDS = 1.0
"""How often the bot looks after what it accepted, and tries what it could not."""
TOLD_AFTER_SECONDS = 20.0
KEPT = 5000
"""Wishes that this process remembers by itself: more than come within the minutes of Slack's retries."""
AWAY = "I cannot take anything on at the moment, since my queue does not answer: try again in a minute."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A job and what tells it in its channel; since: monotonic time of its first event; told: its person knows that it
    has to wait."""

    job: Job
    mark: str
    since: float
    told: bool = False


class Acceptance:
    """Accepts jobs in the bot's process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._admission = Admission(services.redis, services.settings)
        self._records = Records(services.redis)
        self._lock = threading.Lock()
        self._down_until = 0.0
        self._waiters = threading.BoundedSemaphore(WAITERS)
        self._refused: OrderedDict[str, _Wish] = OrderedDict()
        self._outstanding: OrderedDict[str, _Wish] = OrderedDict()
        self._accepted: OrderedDict[str, float] = OrderedDict()
        self._answered_here: OrderedDict[str, float] = OrderedDict()

    def start(self) -> None:
        """Begin to look after what is accepted."""
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
        mark: str = "",
        edition: str = "",
        at: str = "",
        once: bool = False,
    ) -> None:
        """Accept a file, unless it was accepted for this channel before. mark: tells a new wish for a file that was
        answered before; edition: Slack's time of a correction; at: Slack's time of the event; once: Slack does not
        deliver it again. Raises `QueueAway` where it is not known to be done: then the event must not be acknowledged,
        or the person be told."""
        mark = f"{file}:{mark}" if mark else file
        more = {"team": team, "thread": thread, "asked": asked, "fallback": fallback}
        job = Job.new(channel, file, user, mark=mark, edition=edition, at=at, **more)
        self._accept(job.with_filters(filters), marked(mark, edition), once=once)

    def files(self, channel: str, ts: str) -> list[str]:
        """Return the files that a message is known to share; raises `QueueAway`."""
        try:
            return self._records.files(channel, ts)
        except redis.RedisError as error:
            self._failed(error)
            raise QueueAway(AWAY) from error

    def question(
        self,
        channel: str,
        user: str,
        mark: str,
        kind: str,
        question: Question,
        *,
        team: str = "",
        thread: str = "",
        edition: str = "",
        at: str = "",
    ) -> bool:
        """Accept a typed question that is answered by a message. mark: what tells its repetitions; edition: Slack's
        time of a correction; at: ts of its message. Return False where Redis is away, and the question certainly not
        in it: then it is to be answered without. Raises `QueueAway`."""
        more = {"team": team, "thread": thread, "asked": True, "kind": kind, "query": question.query}
        job = Job.new(channel, "", user, mark=mark, edition=edition, at=at, **more)
        if self._remembered(self._answered_here, job.id):
            return True
        with self._lock:
            in_doubt = job.id in self._refused
        if not in_doubt and not self._answers():
            self._remember(self._answered_here, job.id)
            return False
        self._accept(replace(job.with_filters(question), name=question.name), marked(mark, edition), once=False)
        return True

    def _answers(self) -> bool:
        try:
            return not self._down() and bool(self._services.redis.ping())
        except redis.RedisError as error:
            self._failed(error)
            return False

    def _accept(self, job: Job, mark: str, *, once: bool) -> None:
        wish = _Wish(job, mark, time.monotonic())
        try:
            self._in_time(lambda: self._admit(wish))
        except redis.RedisError as error:
            self._failed(error)
            if not once:
                self._keep(self._refused, wish)
            raise QueueAway(AWAY) from error

    def _down(self) -> bool:
        """Whether Redis has just failed."""
        return time.monotonic() < self._down_until

    def _in_time(self, command: Callable[[], None]) -> None:
        """Repeat a command until Redis answers or the event's time is up; where enough events wait, try it once."""
        deadline = time.monotonic() + ACK_SECONDS
        pause = threading.Event()
        waits = self._waiters.acquire(blocking=False)
        if not waits and self._down():
            raise redis.ConnectionError("enough events wait for it")
        try:
            while True:
                try:
                    return command()
                except redis.RedisError:
                    if not waits or time.monotonic() > deadline:
                        raise
                pause.wait(PAUSE_SECONDS)
        finally:
            if waits:
                self._waiters.release()

    def _admit(self, wish: _Wish, *, lost: bool = False) -> None:
        """Admit a wish and look after it from now on; raises redis.RedisError."""
        # Where Redis came back empty, the answer may stand already; whoever was about to post it will have done so.
        doubt = lost or self._remembered(self._accepted, wish.job.id)
        job = self._admission.admit(replace(wish.job, doubt=doubt), wish.mark, CLAIM_SECONDS if doubt else 0.0)
        self._remember(self._accepted, job.id)
        self._keep(self._outstanding, replace(wish, job=job))
        with self._lock:
            self._refused.pop(wish.job.id, None)

    def _keep(self, wishes: OrderedDict[str, _Wish], wish: _Wish) -> None:
        """Add a wish to those that are kept; another event of the same wish may know more."""
        with self._lock:
            known = wishes.get(wish.job.id)
            if known is not None:
                job, other = (wish.job, known.job) if wish.job.asked else (known.job, wish.job)
                wish = replace(known, job=replace(job, thread=job.thread or other.thread))
            wishes[wish.job.id] = wish
            while len(wishes) > KEPT:
                wishes.popitem(last=False)

    def _remember(self, ids: OrderedDict[str, float], job_id: str) -> None:
        with self._lock:
            ids[job_id] = time.monotonic() + SEEN_SECONDS
            while len(ids) > KEPT:
                ids.popitem(last=False)

    def _remembered(self, ids: OrderedDict[str, float], job_id: str) -> bool:
        with self._lock:
            return time.monotonic() < ids.get(job_id, 0.0)

    def _failed(self, error: Exception) -> None:
        _log.warning("Redis does not answer (%s): uploads are not acknowledged", type(error).__name__)
        self._down_until = time.monotonic() + LOOK_SECONDS

    def _look_after(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                self.look_after_all()
            except Exception:  # noqa: BLE001 - the thread goes on
                _log.exception("what was accepted could not be looked after")

    def look_after_all(self) -> None:
        """Look after what was accepted; where Redis does not answer, tell those who have waited for long."""
        try:
            self.look_after()
        except redis.RedisError as error:
            self._failed(error)
            self._tell_waiting()

    def look_after(self) -> None:
        """Admit what could not be, and what a Redis that came back empty has lost; raises redis.RedisError."""
        with self._lock:
            refused, outstanding = list(self._refused.values()), list(self._outstanding.values())
        for wish in refused:
            with within(wish.job.home):
                self._admit(wish)
        for wish in outstanding:
            record = self._records.get(wish.job.id)
            if record.state or (not record.known and self._gone(wish.job)):
                with self._lock:
                    self._outstanding.pop(wish.job.id, None)
            elif not record.known:
                _log.warning("Redis has lost job %s: queued again", wish.job.id)
                with within(wish.job.home):
                    self._admit(wish, lost=True)

    def _gone(self, job: Job) -> bool:
        """Whether a job's workspace has removed the app, and its records with it."""
        installations = self._services.installations
        try:
            return installations is not None and not installations.present(job.home)
        except InstallationsAway:
            return False

    def _tell_waiting(self) -> None:
        """Tell those who have waited for long, once, that their upload is not accepted yet."""
        now = time.monotonic()
        with self._lock:
            for job_id in [job_id for job_id, wish in self._refused.items() if now - wish.since > SEEN_SECONDS]:
                del self._refused[job_id]
            waiting = [w for w in self._refused.values() if not w.told and now - w.since > TOLD_AFTER_SECONDS]
            self._refused.update((wish.job.id, replace(wish, told=True)) for wish in waiting)
        for wish in waiting:
            with within(wish.job.home):
                self._tell(wish.job)

    def _tell(self, job: Job) -> None:
        client = self._services.client
        try:
            if job.asked or file_info(client, job.file).sounds is not False:
                client.chat_postEphemeral(
                    channel=job.channel, user=job.user, thread_ts=job.thread or None, **queue_away().payload()
                )
        except SoundalikeError as error:
            _log.warning("nobody is told that job %s waits (%s)", job.id, error.code)
        except SlackApiError as error:
            _log.warning("nobody could be told that job %s waits: Slack says %s", job.id, code_of(error))
        except UNREACHED as error:
            _log.warning("nobody could be told that job %s waits (%s)", job.id, type(error).__name__)
