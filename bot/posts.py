"""Posts the one message of a job, and turns it into the answer.

`chat.update` may be repeated, `chat.postMessage` may not: whoever posts claims the right to it first. A claim whose
holder died leaves in doubt whether it was posted; then the thread is searched for the job's mark in the metadata.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.jobs import Job, Record
from bot.messages import Message
from bot.records import Records
from bot.slack_errors import BAD_BLOCKS, CLOSED, GONE, PASSING, REFUSED_FOR_SURE, code_of, retry_after

METADATA_EVENT = "soundalike_job"
CLAIM_SECONDS = 5.0
"""A claim older than this without a message belongs to somebody who died, or whose call failed."""
PASSING_SECONDS = 3.0
SEARCH_LIMIT = 200

_log = logging.getLogger(__name__)


class PostLater(Exception):
    """It could not be posted now; seconds: when to try again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"later, in {seconds:g} s")
        self.seconds = seconds


class Unpostable(Exception):
    """Slack takes no message there."""


class Posts:
    """Posts and edits in Slack for the queue. repeating: client for calls that may be made twice; once: the other."""

    def __init__(self, repeating: WebClient, once: WebClient, records: Records) -> None:
        self._repeating = repeating
        self._once = once
        self._records = records

    def post(self, job: Job, message: Message) -> tuple[Job, bool]:
        """Post the job's message unless it stands already; give the job with its ts and place, and whether it says
        `message`. Raises `PostLater` or `Unpostable`."""
        if self._records.claim(job.id):
            stands = self._search(job) if job.doubt else None
            if stands:
                return self._noted(job, stands, job.channel), False
            return self._posted(job, message), True
        record = self._records.get(job.id)
        if record.ts:
            return replace(job, ts=record.ts, channel=record.place or job.channel), False
        found = self._after_doubt(job, record)
        if found:
            return self._noted(job, found, job.channel), False
        if not self._records.reclaim(job.id, record.claimed):
            raise PostLater(1.0)
        return self._posted(job, message), True

    def edit(self, job: Job, message: Message) -> None:
        """Turn the job's message into `message`; raises `PostLater`. Does nothing where somebody deleted it."""
        try:
            self._repeating.chat_update(channel=job.channel, ts=job.ts, **message.payload())
        except SlackApiError as error:
            code = code_of(error)
            if code in BAD_BLOCKS:
                _log.error("Slack takes no blocks of job %s (%s): sent as text", job.id, code)
                self._repeating.chat_update(channel=job.channel, ts=job.ts, text=message.text, blocks=[])
            elif code in PASSING:
                raise PostLater(retry_after(error, PASSING_SECONDS)) from error
            elif code not in GONE:
                raise
        except (SlackRequestError, OSError) as error:
            raise PostLater(PASSING_SECONDS) from error

    def _posted(self, job: Job, message: Message) -> Job:
        metadata = {"event_type": METADATA_EVENT, "event_payload": {"job": job.id}}
        try:
            answer = self._once.chat_postMessage(
                channel=job.channel, thread_ts=job.thread or None, metadata=metadata, **message.payload()
            )
        except SlackApiError as error:
            code = code_of(error)
            if code in CLOSED:
                return self._elsewhere(job, message, code)
            if code in BAD_BLOCKS and message.blocks:
                return self._posted(job, Message(message.text, []))
            if code in PASSING:
                # 0: surely not posted; -1: in doubt from now on.
                self._records.put(job.id, claimed=0 if code in REFUSED_FOR_SURE else -1)
                raise PostLater(retry_after(error, PASSING_SECONDS)) from error
            raise Unpostable(code) from error
        except (SlackRequestError, OSError) as error:
            self._records.put(job.id, claimed=-1)
            raise PostLater(PASSING_SECONDS) from error
        return self._noted(job, str(answer["ts"]), str(answer.get("channel") or job.channel))

    def _noted(self, job: Job, ts: str, place: str) -> Job:
        self._records.put(job.id, ts=ts, place=place)
        return replace(job, ts=ts, channel=place)

    def _elsewhere(self, job: Job, message: Message, code: str) -> Job:
        """The channel is closed to the bot: tell the person directly, where they asked for it themselves."""
        if not job.fallback or job.fallback == job.channel:
            raise Unpostable(code)
        return self._posted(replace(job, channel=job.fallback, thread="", fallback=""), message)

    def _after_doubt(self, job: Job, record: Record) -> str | None:
        """Give the ts of the message that somebody who claimed the right may have posted, or None where there is none;
        raises `PostLater` while they may still be at it."""
        if 0 < time.time() - record.claimed < CLAIM_SECONDS:
            raise PostLater(1.0)
        return None if record.claimed == 0 else self._search(job)

    def _search(self, job: Job) -> str | None:
        oldest = f"{job.accepted - 60:.6f}"
        try:
            if job.thread:
                found = self._repeating.conversations_replies(
                    channel=job.channel, ts=job.thread, oldest=oldest, include_all_metadata=True, limit=SEARCH_LIMIT
                )
            else:
                found = self._repeating.conversations_history(
                    channel=job.channel, oldest=oldest, include_all_metadata=True, limit=SEARCH_LIMIT
                )
        except SlackApiError as error:
            if code_of(error) in PASSING:
                raise PostLater(retry_after(error, PASSING_SECONDS)) from error
            _log.warning("cannot look whether job %s was posted (%s): posted again", job.id, code_of(error))
            return None
        except (SlackRequestError, OSError) as error:
            raise PostLater(PASSING_SECONDS) from error
        for message in found.get("messages") or []:
            metadata = message.get("metadata") or {}
            if (metadata.get("event_payload") or {}).get("job") == job.id:
                return str(message["ts"])
        return None
