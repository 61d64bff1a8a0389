"""The bot's own bounded pool: works uploads while Redis is away, and forgets them with its process."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from bot.errors import QueueFull
from bot.jobs import Job
from bot.tasks import INTAKE, LISTEN, Steps

THREADS = 2
"""The bot must go on answering commands beside it."""

_log = logging.getLogger(__name__)


class LocalQueue:
    """Jobs in memory. `steps` is set after construction, since the steps queue into here themselves."""

    def __init__(self, limit: int) -> None:
        self.steps: Steps | None = None
        self._limit = limit
        self._heap: list[tuple[float, int, str, Job]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._pools = {
            INTAKE: ThreadPoolExecutor(THREADS, "local-intake"),
            LISTEN: ThreadPoolExecutor(THREADS, "local-listen"),
        }
        self._pending = 0
        self._closed = False
        threading.Thread(target=self._run, name="local-queue", daemon=True).start()

    def accept(self, job: Job) -> None:
        """Take a new job; raises `QueueFull` beyond the limit."""
        if self.length() >= self._limit:
            raise QueueFull("I have too much to listen to right now: send the file again in a few minutes.")
        self.intake(job)

    def intake(self, job: Job, delay: float = 0.0) -> None:
        self._put(INTAKE, job, delay)

    def listen(self, job: Job, delay: float = 0.0) -> None:
        self._put(LISTEN, job, delay)

    def length(self) -> int:
        """Give the number of tasks that wait or are being worked."""
        with self._changed:
            return len(self._heap) + self._pending

    def close(self) -> None:
        """Take no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _put(self, name: str, job: Job, delay: float) -> None:
        with self._changed:
            heapq.heappush(self._heap, (time.monotonic() + delay, next(self._order), name, job))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._heap or self._heap[0][0] > time.monotonic()):
                    self._changed.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                if self._closed:
                    return
                _, _, name, job = heapq.heappop(self._heap)
                self._pending += 1
            self._pools[name].submit(self._step, name, job)

    def _step(self, name: str, job: Job) -> None:
        try:
            if self.steps is not None:
                (self.steps.intake if name == INTAKE else self.steps.listen)(job)
        except Exception:  # noqa: BLE001 - the thread goes on to the next job
            _log.exception("job %s failed for good in the bot's own pool", job.id)
        finally:
            with self._changed:
                self._pending -= 1
