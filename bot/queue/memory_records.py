"""The records of one process, for as long as Redis is away; the same rules as in `bot.queue.records`."""

from __future__ import annotations

import threading
import time

from bot.queue.jobs import Job, Record
from bot.queue.records import (
    POST_INTERVAL_SECONDS,
    SEEN_SECONDS,
    TURN_PATIENCE_SECONDS,
    number,
    opening_fields,
    record_of,
    turn_of,
)


class MemoryRecords:
    """Records of one process, for as long as Redis is away."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._seen: dict[tuple[str, str], tuple[str, float]] = {}
        self._jobs: dict[str, dict[str, str]] = {}
        self._turns: dict[str, dict[str, float]] = {}
        self._slots: dict[str, float] = {}
        self._firsts: dict[str, tuple[str, float]] = {}

    def mark(self, channel: str, file: str, job_id: str) -> str:
        now = time.monotonic()
        with self._lock:
            self._seen = {key: value for key, value in self._seen.items() if value[1] > now}
            return self._seen.setdefault((channel, file), (job_id, now + SEEN_SECONDS))[0]

    def has_mark(self, channel: str, file: str) -> bool:
        """Whether a file is marked as seen."""
        with self._lock:
            return self._seen.get((channel, file), ("", 0.0))[1] > time.monotonic()

    def begin(self, job: Job) -> None:
        with self._lock:
            self._jobs.setdefault(job.id, {"accepted": repr(job.accepted)}).update(opening_fields(job))
            self._turns.setdefault(job.channel, {}).setdefault(turn_of(job), job.order)
            self._forget()

    def get(self, job_id: str) -> Record:
        with self._lock:
            return record_of(dict(self._jobs.get(job_id, {})))

    def put(self, job_id: str, **fields: str | int | float) -> None:
        with self._lock:
            self._jobs.setdefault(job_id, {}).update({key: str(value) for key, value in fields.items()})

    def claim(self, job_id: str) -> bool:
        with self._lock:
            job = self._jobs.setdefault(job_id, {})
            return "claimed" not in job and bool(job.setdefault("claimed", repr(time.time())))

    def reclaim(self, job_id: str, claimed: float) -> bool:
        with self._lock:
            job = self._jobs.setdefault(job_id, {})
            if number(job.get("claimed")) != claimed:
                return False
            job["claimed"] = str(time.time())
            return True

    def add_try(self, job_id: str) -> int:
        with self._lock:
            job = self._jobs.setdefault(job_id, {})
            job["tries"] = str(int(job.get("tries", "0")) + 1)
            return int(job["tries"])

    def lease(self, job_id: str, owner: str) -> bool:
        with self._lock:
            return self._jobs.setdefault(job_id, {}).setdefault("owner", owner) == owner

    def release(self, job_id: str, owner: str) -> None:
        with self._lock:
            if self._jobs.get(job_id, {}).get("owner") == owner:
                del self._jobs[job_id]["owner"]

    def ahead(self, job: Job) -> int:
        with self._lock:
            waiting = self._turns.get(job.channel, {})
            if turn_of(job) not in waiting:
                return 0
            order = sorted(waiting, key=lambda member: (waiting[member], member))
            now = time.monotonic()
            first, since = self._firsts.get(job.channel, ("", 0.0))
            if first != order[0]:
                self._firsts[job.channel] = (order[0], now)
            elif now - since > TURN_PATIENCE_SECONDS and first != turn_of(job):
                waiting.pop(first)
            return order.index(turn_of(job))

    def leave(self, job: Job) -> None:
        with self._lock:
            waiting = self._turns.get(job.channel, {})
            waiting.pop(turn_of(job), None)
            if not waiting:
                self._turns.pop(job.channel, None)
                self._firsts.pop(job.channel, None)

    def note_thread(self, channel: str, thread: str) -> None:
        self.mark(channel, f"thread:{thread}", "1")

    def has_thread(self, channel: str, thread: str) -> bool:
        return self.has_mark(channel, f"thread:{thread}")

    def reserve(self, channel: str) -> float:
        now = time.monotonic()
        with self._lock:
            self._slots = {key: value for key, value in self._slots.items() if value > now}
            if channel in self._slots:
                return self._slots[channel] - now
            self._slots[channel] = now + POST_INTERVAL_SECONDS
        return 0.0

    def _forget(self) -> None:
        oldest = time.time() - SEEN_SECONDS
        for job_id in [key for key, job in self._jobs.items() if number(job.get("accepted")) < oldest]:
            del self._jobs[job_id]
