"""Posts the one message of a job, and turns it into the answer.

`chat.update` may be repeated, `chat.postMessage` may not: whoever posts claims the right to it first. A claim whose
holder died leaves in doubt whether it was posted; then the thread is searched for the job's mark in the metadata, or,
where the app may not read the channel, the file's description tells who replied last.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.messages import Message, sent_directly
from bot.queue.jobs import EDITION, Job, Record
from bot.queue.records import Records
from bot.slack.errors import (
    BAD_BLOCKS,
    CLOSED,
    DELETED,
    LEFT,
    LOCKED_OUT,
    MISTAKES,
    PASSING_CODES,
    REFUSED_FOR_SURE,
    UNREACHED,
    code_of,
    retry_after,
)
from bot.slack.files import SharedFile
from bot.workspaces import current

METADATA_EVENT = "soundalike_job"
CLAIM_SECONDS = 5.0
"""A claim older than this without a message belongs to somebody who died, or whose call failed."""
PASSING_SECONDS = 3.0
SEARCH_LIMIT = 200
ANEW = "-anew"
"""Ends the name under which a message is claimed that stands for one that Slack let nobody edit."""

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
        self._own_ids: dict[str, str] = {}

    def post(self, job: Job, message: Message) -> tuple[Job, bool]:
        """Post the job's message unless it stands already; return the job with its ts and place, and whether it says
        `message`. Raises `PostLater` or `Unpostable`."""
        if self._records.claim(job.first):
            stands = self._search(job, message) if job.doubt else None
            if stands:
                return self._noted(job, stands, job.channel), False
            return self._posted(job, message), True
        record = self._records.get(job.first)
        if record.ts:
            return self._found(job, record), False
        found = self._after_doubt(job, record, message)
        if found:
            return self._noted(job, found, job.channel), False
        if not self._records.reclaim(job.first, record.claimed):
            raise PostLater(1.0)
        return self._posted(job, message), True

    def edit(self, job: Job, message: Message) -> None:
        """Turn the job's message into `message`, which becomes a new one where Slack lets nobody edit the old; raises
        `PostLater` or `Unpostable`. Does nothing where somebody deleted it."""
        try:
            self._repeating.chat_update(channel=job.channel, ts=job.ts, **_explained(job, message).payload())
        except SlackApiError as error:
            code = code_of(error)
            if code in BAD_BLOCKS and message.blocks:
                _log.error("Slack takes no blocks of job %s (%s): sent as text", job.id, code)
                self.edit(job, Message(message.text, []))
            elif code in PASSING_CODES:
                raise PostLater(retry_after(error, PASSING_SECONDS)) from error
            elif code not in DELETED:
                self._anew(job, message, code)
        except UNREACHED as error:
            raise PostLater(PASSING_SECONDS) from error

    def _anew(self, job: Job, message: Message, code: str) -> None:
        """Post once what could not be edited, and take the old message away where Slack lets us."""
        if job.id.endswith(ANEW) or code in LOCKED_OUT:
            raise Unpostable(code)
        _log.warning("Slack lets nobody edit the message of job %s (%s): posted anew", job.id, code)
        posted, _ = self.post(replace(job, id=f"{job.id.replace(EDITION, '-')}{ANEW}", ts=""), message)
        self._records.put(job.first, ts=posted.ts, place=posted.channel)  # what a correction will edit
        try:
            self._repeating.chat_delete(channel=job.channel, ts=job.ts)
        except (SlackApiError, *UNREACHED):
            pass  # it stays above its answer

    def _posted(self, job: Job, message: Message) -> Job:
        metadata = {"event_type": METADATA_EVENT, "event_payload": {"job": job.first}}
        try:
            answer = self._once.chat_postMessage(
                channel=job.channel,
                thread_ts=job.thread or None,
                metadata=metadata,
                **_explained(job, message).payload(),
            )
        except SlackApiError as error:
            code = code_of(error)
            if code in CLOSED:
                return self._elsewhere(job, message, code)
            if code in BAD_BLOCKS and message.blocks:
                return self._posted(job, Message(message.text, []))
            if code in PASSING_CODES:
                # 0: surely not posted; -1: in doubt from now on.
                self._records.put(job.first, claimed=0 if code in REFUSED_FOR_SURE else -1)
                raise PostLater(retry_after(error, PASSING_SECONDS)) from error
            _log.error("Slack takes no message of job %s (%s)%s", job.id, code, _advice(code))
            raise Unpostable(code) from error
        except UNREACHED as error:
            self._records.put(job.first, claimed=-1)
            raise PostLater(PASSING_SECONDS) from error
        return self._noted(job, str(answer["ts"]), str(answer.get("channel") or job.channel))

    def _noted(self, job: Job, ts: str, place: str) -> Job:
        self._records.put(job.first, ts=ts, place=place)
        self._records.mark(place, post_mark(ts), job.first)
        return replace(job, ts=ts, channel=place)

    def _found(self, job: Job, record: Record) -> Job:
        """Return the job at the message that it has."""
        place = record.place or job.channel
        moved = place[:1] == "D" and not job.direct
        return replace(job, ts=record.ts, channel=place, closed=job.closed or (_reason(job, "") if moved else ""))

    def _elsewhere(self, job: Job, message: Message, code: str) -> Job:
        """The channel or the thread is closed to the bot: answer the person directly, and say why. Where the bot has no
        business any more, only who asked it by name is answered."""
        person = job.fallback or job.user
        if job.direct or not person or (code in LEFT and not job.asked):
            raise Unpostable(code)
        return self._posted(replace(job, channel=person, thread="", fallback="", closed=_reason(job, code)), message)

    def _after_doubt(self, job: Job, record: Record, message: Message) -> str | None:
        """Return the ts of the message that somebody who claimed the right may have posted, or None where there is
        none; raises `PostLater` while they may still be at it."""
        if record.claimed > 0 and abs(time.time() - record.claimed) < CLAIM_SECONDS:
            raise PostLater(1.0)
        return None if record.claimed == 0 else self._search(job, message)

    def _search(self, job: Job, message: Message) -> str | None:
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
            if code_of(error) in PASSING_CODES:
                raise PostLater(retry_after(error, PASSING_SECONDS)) from error
            return self._last_reply(job, message, code_of(error))
        except UNREACHED as error:
            raise PostLater(PASSING_SECONDS) from error
        for each in found.get("messages") or []:
            metadata = each.get("metadata") or {}
            if (metadata.get("event_payload") or {}).get("job") == job.first:
                return str(each["ts"])
        return None

    def _last_reply(self, job: Job, message: Message, why: str) -> str | None:
        """Where the thread may not be read: `files.info` names its last reply. It is the job's message unless it is
        another job's, or not the bot's to edit."""
        if job.file and job.thread:
            try:
                data: Any = self._repeating.files_info(file=job.file)["file"]
                own = self._own_id()
                for share in SharedFile.from_slack(data).shares:
                    here = (share.channel, share.thread_ts) == (job.channel, job.thread)
                    if here and own in share.repliers and self._is_own(job, share.latest, message):
                        return share.latest
            except SlackApiError as error:
                if code_of(error) in PASSING_CODES:
                    raise PostLater(retry_after(error, PASSING_SECONDS)) from error
                why = code_of(error)
            except UNREACHED as error:
                raise PostLater(PASSING_SECONDS) from error
            else:
                return None
        _log.warning("cannot look whether job %s was posted (%s): posted again", job.id, why)
        return None

    def _own_id(self) -> str:
        """Return the bot's user id in the workspace."""
        workspace = current().id
        if workspace not in self._own_ids:
            self._own_ids[workspace] = str(self._repeating.auth_test()["user_id"])
        return self._own_ids[workspace]

    def _is_own(self, job: Job, ts: str, message: Message) -> bool:
        """Whether a message can be edited into the job's; another job's is left alone."""
        if not ts or self._records.mark(job.channel, post_mark(ts), job.first) != job.first:
            return False
        try:
            self._repeating.chat_update(channel=job.channel, ts=ts, **message.payload())
        except SlackApiError as error:
            if code_of(error) in PASSING_CODES:
                raise
            return False
        return True


def _explained(job: Job, message: Message) -> Message:
    return sent_directly(message, job.closed) if job.closed else message


def _reason(job: Job, code: str) -> str:
    """Return why the answer does not stand where it was asked for, as mrkdwn."""
    return f"{CLOSED.get(code, 'I may not write there')} (<#{job.channel}>)"


def _advice(code: str) -> str:
    if code in LOCKED_OUT:
        return ": `python -m bot check` says what the app lacks"
    return ": the call itself is wrong" if code in MISTAKES else ""


def post_mark(ts: str) -> str:
    """Mark of a message, by which a job that finds it knows whether it is its own."""
    return f"post:{ts}"
