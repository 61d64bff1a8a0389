"""Leases on the jobs that a process works, renewed for as long as it lives."""

from __future__ import annotations

import logging
import threading
import uuid
from contextlib import suppress

import redis

from bot.queue.records import LEASE_SECONDS, Records

RENEWALS = 3
"""Times that a lease is renewed before it could run out: two may fail."""

_log = logging.getLogger(__name__)


class Leases:
    """The leases of one process."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.owner = uuid.uuid4().hex
        self._held: set[str] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._renew, name="leases", daemon=True).start()

    def hold(self, job_id: str) -> bool:
        """Take the lease on a job; false while somebody else has it, in this process too."""
        with self._lock:
            if job_id in self._held:
                return False
            self._held.add(job_id)
        taken = False
        try:
            taken = self._records.lease(job_id, self.owner)
        finally:
            if not taken:
                self._discard(job_id)
        return taken

    def drop(self, job_id: str) -> None:
        """Return the lease; one that Redis does not take back runs out by itself."""
        self._discard(job_id)
        try:
            self._records.release(job_id, self.owner)
        except redis.RedisError as error:
            _log.warning("a lease runs out by itself: Redis does not answer (%s)", type(error).__name__)

    def close(self) -> None:
        """Return all leases, since the process ends: whoever takes the work over need not wait, and the work did not
        kill this one."""
        with self._lock:
            held = list(self._held)
        for job_id in held:
            with suppress(redis.RedisError):
                self._records.end_work(job_id)
            self.drop(job_id)

    def _discard(self, job_id: str) -> None:
        with self._lock:
            self._held.discard(job_id)

    def _renew(self) -> None:
        pause = threading.Event()
        while not pause.wait(LEASE_SECONDS / RENEWALS):
            with self._lock:
                held = list(self._held)
            for job_id in held:
                try:
                    self._records.lease(job_id, self.owner)
                except redis.RedisError as error:
                    _log.warning("a lease is not renewed: Redis does not answer (%s)", type(error).__name__)
                    break
