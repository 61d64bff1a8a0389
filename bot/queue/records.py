"""What is remembered of each job, so that it is worked at least once and answered exactly once."""

from __future__ import annotations

import json
import math
from typing import Any, Protocol

from bot.questions import Question
from bot.queue.jobs import Job, Record

SEEN_SECONDS = 15 * 60
"""Slack's last retry comes five minutes after the event; an old file posted anew later is a new wish."""
JOB_SECONDS = 24 * 60 * 60
"""Longer than a job can wait in the queue."""
TURN_SECONDS = 10 * 60
LEASE_SECONDS = 8.0
"""Below the queue's heartbeat time-out, so that a dead worker's job is free when it is delivered again."""
TURN_PATIENCE_SECONDS = 5.0
"""A job that dies before its placeholder holds up those behind it no longer than this."""
POST_INTERVAL_SECONDS = 1.05
"""Slack: about one message a second and channel; a little more, since calls take unequally long."""


class Records(Protocol):
    """The marks on jobs; in Redis, or in one process's memory while Redis is away."""

    def mark(self, channel: str, file: str, job_id: str) -> str:
        """Mark a file as seen in a channel and give the id of its job: this one, or the one that came before."""
        ...

    def begin(self, job: Job) -> None:
        """Open a job's record, or add to it, and its place in the order of arrival."""
        ...

    def get(self, job_id: str) -> Record:
        """Return a job's record; an unknown one is empty."""
        ...

    def put(self, job_id: str, **fields: str | int | float) -> None:
        """Change fields of a record."""
        ...

    def claim(self, job_id: str) -> bool:
        """Claim the right to post the job's message; it is given once."""
        ...

    def reclaim(self, job_id: str, claimed: float) -> bool:
        """Take over a claim that still reads `claimed`; it is given once."""
        ...

    def add_try(self, job_id: str) -> int:
        """Count one more begin of the work and give the count."""
        ...

    def lease(self, job_id: str, owner: str) -> bool:
        """Take or renew the right to work a job for `LEASE_SECONDS`; false while another holds it."""
        ...

    def release(self, job_id: str, owner: str) -> None:
        """Return the lease back, if it is still this owner's."""
        ...

    def ahead(self, job: Job) -> int:
        """Return how many came before and still await their placeholder in the job's channel."""
        ...

    def leave(self, job: Job) -> None:
        """Return up the place in the order of arrival."""
        ...

    def note_thread(self, channel: str, thread: str) -> None:
        """Note that a message shares a file."""
        ...

    def has_thread(self, channel: str, thread: str) -> bool:
        """Whether a message is known to share a file."""
        ...

    def reserve(self, channel: str) -> float:
        """Take the right to post in a channel now and give 0, or give the seconds until it is free."""
        ...


def record_of(raw: dict[str, str]) -> Record:
    """Read a record out of its hash; what cannot be read counts as not there."""
    filters = None
    if "filters" in raw:
        try:
            filters = Question.from_json(json.loads(raw["filters"]))
        except (ValueError, RecursionError):
            filters = None
    return Record(
        known=bool(raw),
        state=raw.get("state", ""),
        ts=raw.get("ts", ""),
        place=raw.get("place", ""),
        claimed=number(raw.get("claimed")),
        asked=raw.get("asked") == "1",
        thread=raw.get("thread", ""),
        tries=int(number(raw.get("tries"))),
        queued=raw.get("queued") == "1",
        filters=filters,
    )


def turn_of(job: Job) -> str:
    """Return a job's name in the order of arrival: files of one message, whose events carry one time, go by their
    ids."""
    return f"{job.file}:{job.id}"


def opening_fields(job: Job) -> dict[str, str]:
    """Return what a new event adds to a record. It takes nothing away: another event of the same file may know more."""
    question = job.question("")
    fields = {"thread": job.thread, "asked": "1" if job.asked else ""}
    if not job.text and question != Question("", name=job.name):
        fields["filters"] = filters_field(question)
    return {name: value for name, value in fields.items() if value}


def filters_field(question: Question) -> str:
    """Return filters as a record keeps them."""
    return json.dumps(question.to_json())


def number(value: Any) -> float:
    """Read a finite number; what is none counts as 0."""
    try:
        read = float(value)
    except (TypeError, ValueError):
        return 0.0
    return read if math.isfinite(read) else 0.0
