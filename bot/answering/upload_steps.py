"""What is done with an upload, in two steps that may each be done again at any time: `intake` and `embed`."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import replace

import redis
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.answering.answerer import Answerer
from bot.answering.endings import Endings
from bot.answering.history import History
from bot.answering.manners import EAR, EVERY, Manner, Manners, speech_alone
from bot.answering.mentions import Mentions
from bot.answering.posts import PostLater, Posts, Unpostable
from bot.answering.scratch import Scratch
from bot.errors import UNCONNECTED, DownloadFailed, LoginPage, NoAddress, NoRoom, UnknownFile
from bot.messages import Message, listening, refusal
from bot.operations.requests import Observer, Request
from bot.questions import Question, Typed
from bot.queue.jobs import Job, Record, RefusedOnArrival
from bot.queue.leases import Leases
from bot.queue.records import LEASE_SECONDS, POST_INTERVAL_SECONDS, Records
from bot.queue.tasks import GivenUp, RedisQueue
from bot.slack.downloads import Downloader
from bot.slack.errors import UNREACHED, code_of
from bot.slack.files import SharedFile, file_info
from bot.slack.names import EAR_REACTION
from recommender.answers import Answer
from recommender.errors import (
    AudioError,
    CannotDecode,
    CatalogueDamaged,
    CatalogueUnavailable,
    DecoderDown,
    EmbedderBusy,
    EmbedderDown,
    SoundalikeError,
)
from recommender.recommender import Recommender

THREAD_WAITS = (0.2, 0.4, 0.8, 1.6, 3.0, 5.0)
"""Seconds between looks for the message that shares a file: uploads finish asynchronously (bolt-js#2115)."""
LAST_WAIT = len(THREAD_WAITS) - 1
UNNOTICED_SECONDS = 10 * 60
"""While Slack does not tell of a file that nobody would be refused aloud, it is asked again for so long."""
TURN_WAIT_SECONDS = 0.05
MAX_TURN_WAIT_SECONDS = 2.0
SETTLE_SECONDS = 0.08
"""The events of the files of one message overtake each other by some milliseconds."""
RACE_TRIES = 4
"""Looks at a file of which Slack says at first that it knows none, or has no address: three seconds."""
RETRY_WAITS = (1.0, 2.0, 4.0)
"""Seconds before an embedder or a download that failed is tried again: a restart takes about as long."""
PASSING_ERRORS = (
    DecoderDown,
    EmbedderDown,
    EmbedderBusy,
    DownloadFailed,
    LoginPage,
    NoRoom,
    CatalogueDamaged,
    CatalogueUnavailable,
)
"""Errors that may be over by then. Slack serves its login page for files that are a moment old, too; a catalogue that
was overwritten is being built again, or soon will be."""
MAX_DEATHS = 4
"""A file that killed so many workers is given up."""

_log = logging.getLogger(__name__)


class KeepsFailing(CannotDecode):
    """Whoever works the file dies of it."""


class UploadSteps:
    """The two steps of an upload, built on the services."""

    def __init__(
        self,
        *,
        client: WebClient,
        posts: Posts,
        recommender: Recommender,
        answerer: Answerer,
        records: Records,
        queue: RedisQueue,
        downloader: Downloader,
        scratch: Scratch,
        leases: Leases,
        observer: Observer,
        history: History,
        manners: Manners,
        mentions: Mentions,
        max_bytes: int,
    ) -> None:
        self._client = client
        self._posts = posts
        self._recommender = recommender
        self._answerer = answerer
        self._records = records
        self._queue = queue
        self._downloader = downloader
        self._scratch = scratch
        self._leases = leases
        self._observer = observer
        self._history = history
        self._manners = manners
        self._mentions = mentions
        self._endings = Endings(posts, records, queue)
        self._max_bytes = max_bytes

    def intake(self, job: Job) -> None:
        """Look at the file's description, wait for its turn and its moment, post the placeholder, queue the rest."""
        record = self._records.get(job.id)
        asked = job.asked or record.asked
        if record.state == "done" or (record.state == "ignored" and not asked):
            return
        with self._observer.request("intake", job.id, job.user) as request:
            try:
                refused, doubt = job.refusal or record.refusal, job.doubt or record.doubt
                known = replace(job, asked=asked, refusal=refused, doubt=doubt)
                self._intake(known, record, request)
            except PostLater as later:
                request.outcome = "later"
                self._queue.intake(job, later.seconds)
            except (redis.RedisError, GivenUp, *UNCONNECTED):
                raise  # the queue waits for Redis and does the step again; jobs without a workspace end
            except Exception as error:  # noqa: BLE001 - the person is told, whatever it is
                self._endings.broken(job, request, error)

    def _intake(self, job: Job, record: Record, request: Request) -> None:
        if not job.slot:
            ready = self._asked(job, request) if job.kind else self._described(job, record, request)
            if ready is None:
                return
            pause = self._before_turn(ready)
            if pause:
                request.outcome = "later"
                self._queue.intake(ready, pause)
                return
            wait = self._records.reserve(ready.channel)
            if wait:
                request.outcome = "later"
                self._queue.intake(ready, wait)
                return
            self._records.leave(ready)
            job = replace(ready, slot=True, attempt=0)
        right = f"{job.first}:post"
        if not self._leases.hold(right):
            request.outcome = "later"  # somebody else is about to post it, and may wait for Slack
            self._queue.intake(replace(job, slot=False), LEASE_SECONDS / 2)
            return
        try:
            if not self._records.newest(job):
                self._endings.repeated(job, request)
            elif job.kind:
                self._reply(job, request)
            else:
                self._announce(job, request)
        finally:
            self._leases.drop(right)

    def _before_turn(self, job: Job) -> float:
        """Return the seconds to wait until those who came before have their moment to post, 0 where it is this
        job's."""
        age = time.time() - job.accepted
        if not job.thread and not job.kind and 0 <= age < SETTLE_SECONDS:
            return SETTLE_SECONDS - age
        ahead = self._records.ahead(job)
        return min(max(TURN_WAIT_SECONDS * ahead, POST_INTERVAL_SECONDS * (ahead - 1)), MAX_TURN_WAIT_SECONDS)

    def _asked(self, job: Job, request: Request) -> Job | None:
        """Return the job of a typed question, or None where it waits for a file, or where the answer to a file is also
        its own."""
        if self._mentions.handed_on(job):
            self._records.leave(job)
            self._endings.repeated(job, request)
            return None
        pause = self._mentions.wait(job)
        if pause:
            request.outcome = "later"
            self._records.leave(job)  # nobody waits for its turn meanwhile
            self._queue.intake(replace(job, attempt=job.attempt + 1), pause)
            return None
        return job

    def _reply(self, job: Job, request: Request) -> None:
        """Answer a typed question at once."""
        request.kind = "question"
        request.started = job.accepted or request.started
        typed = Typed(job.kind, job.question(job.query), True)
        self._endings.final(job, self._answerer.message(typed, job.user, request), request)

    def _described(self, job: Job, record: Record, request: Request) -> Job | None:
        """Return the job with all that Slack knows of its file, or None where it is put off, ignored or passed on."""
        if job.described:
            return job
        asked = self._looked_up(job, request)
        if asked is None:
            return None
        job, file = asked
        unwanted = file is None or file.sounds is False or (file.sounds is None and job.refusal is not None)
        if unwanted and not job.addressed:
            self._endings.ignored(job, request)
            return None
        if file is not None:
            job = replace(job, name=file.name, url=file.url, seconds=file.seconds or 0.0)
        share = file.share_in(job.channel) if file else None
        thread = job.thread or record.thread or (share.thread_ts if share else "")
        ts = share.ts if share else ""
        if not thread and job.channel[:1] not in ("U", "W") and job.attempt < len(THREAD_WAITS):
            self._later(job, request)
            return None
        if thread and (file is None or file.sounds is not False):
            self._records.note_file(job.channel, ts or thread, job.file)
        job = replace(job, thread=thread, described=True)
        manner = Manner() if job.addressed else self._manners.of(job.channel)
        if manner.answers != EVERY:
            if manner.answers == EAR and not job.refusal:
                self._react(job, ts or thread)
            self._endings.ignored(job, request)
            return None
        silent = file is not None and (file.sounds is None or not manner.speech)
        if silent and not job.refusal and not job.addressed:
            self._records.leave(job)
            self._queue.embed(replace(job, attempt=0))  # it may be anything: no word before it proves to be audio
            return None
        return job

    def _looked_up(self, job: Job, request: Request) -> tuple[Job, SharedFile | None] | None:
        """Return the job, refused where its file cannot be had, and what Slack says of it; None where put off."""
        file: SharedFile | None = None
        try:
            with request.timings("file info"):
                file = file_info(self._client, job.file)
            file.require_obtainable(self._max_bytes)
            if job.refusal:
                raise RefusedOnArrival(*job.refusal)
        except DownloadFailed as error:
            unnoticed = not job.addressed and time.time() - job.accepted < UNNOTICED_SECONDS
            if job.attempt < len(THREAD_WAITS) or unnoticed:
                self._later(job, request)
                return None
            job = _refused(job, error)
        except (UnknownFile, NoAddress) as error:
            if job.attempt < RACE_TRIES:
                self._later(job, request)
                return None
            job = _refused(job, error)
        except UNCONNECTED:
            raise
        except SoundalikeError as error:
            job = _refused(job, error)
        return job, file

    def _later(self, job: Job, request: Request) -> None:
        """Begin again after a while, which grows."""
        request.outcome = "later"
        self._queue.intake(replace(job, attempt=job.attempt + 1), THREAD_WAITS[min(job.attempt, LAST_WAIT)])

    def _react(self, job: Job, ts: str) -> None:
        """React to the message that shares a file: whoever clicks on it is answered."""
        try:
            self._client.reactions_add(channel=job.channel, timestamp=ts, name=EAR_REACTION)
        except SlackApiError as error:
            if code_of(error) != "already_reacted":
                _log.warning("no reaction to job %s: Slack says %s", job.id, code_of(error))
        except UNREACHED as error:
            _log.warning("no reaction to job %s (%s)", job.id, type(error).__name__)

    def _announce(self, job: Job, request: Request) -> None:
        if job.refusal:
            error = RefusedOnArrival(*job.refusal)
            request.failed(error)
            self._endings.final(job, refusal(error, job.name), request)
            return
        with request.timings("announce"):
            try:
                posted, _ = self._posts.post(job, listening(job.name, job.seconds))
            except Unpostable as reason:
                self._endings.given_up(job, str(reason), request)
                return
        request.outcome = "queued"
        self._queue.embed(replace(posted, attempt=0))

    def embed(self, job: Job) -> None:
        """Download, embed, search, and turn the placeholder into the answer."""
        record = self._records.get(job.id)
        if record.state == "done":
            return
        if not self._leases.hold(job.id):
            self._queue.embed(job, LEASE_SECONDS / 2)
            return
        try:
            died = self._records.begin_work(job.id, self._leases.owner)
            with self._observer.request("upload", job.id, job.user) as request:
                request.started = job.accepted or request.started
                known = replace(job, asked=job.asked or record.asked).with_filters(record.filters)
                self._embed(known, died, request)
        finally:
            with suppress(redis.RedisError):  # at worst it counts as one death
                self._records.end_work(job.id)
            self._leases.drop(job.id)

    def _embed(self, job: Job, died: int, request: Request) -> None:
        failure: GivenUp | None = None
        try:
            answered = self._answer(job, died, request)
            if answered is None:
                self._endings.ignored(job, request)
                return
            message = answered
        except PASSING_ERRORS as error:
            if job.attempt < len(RETRY_WAITS):
                request.outcome = "later"
                self._queue.embed(replace(job, attempt=job.attempt + 1), RETRY_WAITS[job.attempt])
                return
            request.failed(error)
            message, failure = refusal(error, job.name), GivenUp(error.code)
        except (redis.RedisError, *UNCONNECTED):
            raise  # as in `intake`
        except SoundalikeError as error:
            request.failed(error)
            failure = GivenUp(error.code) if isinstance(error, KeepsFailing) else None
            if isinstance(error, AudioError) and not job.ts and not job.addressed:
                self._endings.ignored(job, request)
                return
            message = refusal(error, job.name)
        except Exception as error:  # noqa: BLE001 - the person is told, whatever it is
            self._endings.broken(job, request, error)
            return
        if not self._records.newest(job):
            self._endings.repeated(job, request)
            return
        try:
            self._endings.final(job, message, request)
        except PostLater as later:
            request.outcome = "later"
            self._queue.embed(job, later.seconds)
            return
        except SlackApiError as error:
            self._endings.broken(job, request, error)
        if failure is not None:
            raise failure

    def _answer(self, job: Job, died: int, request: Request) -> Message | None:
        """Return the answer, or None where nobody asked for one to speech."""
        if died:
            self._scratch.sweep()  # one may have died on this machine, and left the audio
        if died >= MAX_DEATHS:
            raise KeepsFailing("I gave up on this file after several attempts: send it in another format.")
        asked = self._answerer.placed(job.question(job.query))
        found = self._found(job, asked, request)
        unasked = not (job.ts or job.addressed)
        if unasked and speech_alone(found.sounds_like) and not self._manners.of(job.channel).speech:
            return None
        question = replace(asked, query=found.query, file=job.file)
        self._history.add(job.user, question)
        waited = time.time() - job.accepted if job.accepted else None
        return self._answerer.answer(found, question, seconds=waited)

    def _found(self, job: Job, asked: Question, request: Request) -> Answer:
        with self._scratch.file() as path:
            with request.timings("download"):
                self._downloader.fetch(job.url, path)
            upload = self._recommender.embed_file(path, request.timings)
        with request.timings("search"):
            return self._recommender.similar_to(upload, also=asked.query, **asked.bounds)


def _refused(job: Job, error: SoundalikeError) -> Job:
    return replace(job, refusal=(error.code, str(error)))
