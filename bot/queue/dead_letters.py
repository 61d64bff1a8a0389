"""Jobs that failed for good, or were none: kept for a week, to be looked at, tried again or thrown away."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import dramatiq
from dramatiq.errors import DecodeError

from bot.queue import keys
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.queue.tasks import QUEUES, RedisQueue
from bot.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One of them. queue, message_id: where it lies; time: Unix time of its last step; code: why it failed; reference:
    the number its person was told, if any; job: what failed, None where that cannot be read; size: bytes."""

    queue: str
    message_id: str
    time: float
    code: str
    reference: str
    job: Job | None
    size: int

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line shows it; `letter` is what names it there."""
        shown: dict[str, Any] = {"letter": self.message_id, "step": self.queue, "time": self.time, "code": self.code}
        if self.reference:
            shown["reference"] = self.reference
        return shown | (self.job.to_json() if self.job else {"bytes": self.size})


class DeadLetters:
    """The dead letters in Redis; raises redis.RedisError where it fails."""

    def __init__(self, queue: RedisQueue) -> None:
        self._queue = queue
        self._client = queue.client

    def show(self, named: Collection[str] = ()) -> list[DeadLetter]:
        """Return those that are named by their own id or their job's, all of them where none is; oldest first."""
        chosen = (
            letter
            for letter in self._found()
            if not named or letter.message_id in named or (letter.job is not None and letter.job.id in named)
        )
        return sorted(chosen, key=lambda letter: letter.time)

    def retry(self, named: Collection[str]) -> list[DeadLetter]:
        """Queue those of these letters or jobs again that can be read, from their first step, and return them. A person
        who was told of the failure has that message edited into the answer."""
        records, retried = Records(self._client), []
        for letter in self.show(named):
            if letter.job is not None:
                records.put(letter.job.id, state="", dead=0, refusal="", **_posted(letter.job))
                records.end_work(letter.job.id)
                self._queue.intake(replace(letter.job, attempt=0, slot=False, described=False, refusal=None))
                self._remove(letter)  # last: one that is queued twice is answered once
                retried.append(letter)
        return retried

    def purge(self, named: Collection[str]) -> list[DeadLetter]:
        """Remove these letters or jobs, and return them."""
        return [letter for letter in self.show(named) if self._remove(letter)]

    def forget(self, user: str = "", workspace: str = "") -> int:
        """Remove a person's, a workspace's, or a person's of a workspace, and return their number."""
        jobs = ((letter, letter.job) for letter in self._found() if letter.job is not None)
        mine = [
            letter
            for letter, job in jobs
            if user in ("", job.user) and workspace in ("", Workspace.parse(job.workspace).id)
        ]
        return sum(self._remove(letter) for letter in mine)

    def _remove(self, letter: DeadLetter) -> bool:
        message_id = letter.message_id.encode(errors="surrogateescape")
        self._client.zrem(keys.dead(letter.queue), message_id)
        return bool(self._client.hdel(keys.dead_messages(letter.queue), cast(str, message_id)))

    def _found(self) -> Iterator[DeadLetter]:
        for name in QUEUES:
            values = cast("dict[bytes, bytes]", self._client.hgetall(keys.dead_messages(name)))
            for message_id, data in values.items():
                yield _letter(name, message_id.decode(errors="surrogateescape"), data)


def _posted(job: Job) -> dict[str, str | float]:
    """Return what a record says of the message that a job has; its own may have run out."""
    return {"ts": job.ts, "place": job.channel, "claimed": job.accepted} if job.ts else {}


def _letter(queue: str, message_id: str, data: bytes) -> DeadLetter:
    """Read a dead letter; one that is no message of ours is shown as what it is."""
    try:
        message: dramatiq.Message[None] = dramatiq.Message.decode(data)
        code, reference = message.options.get("failure") or ("unknown", "")
        seconds = float(message.message_timestamp) / 1000
        return DeadLetter(
            queue, message_id, seconds, str(code), str(reference), Job.from_json(message.kwargs["job"]), len(data)
        )
    except (DecodeError, ValueError, KeyError, TypeError, AttributeError):
        return DeadLetter(queue, message_id, 0.0, "unreadable", "", None, len(data))
