"""The bot's own pool: works uploads while Redis is away, and forgets them with its process."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time

from bot.queue.jobs import Job
from bot.queue.tasks import INTAKE, LISTEN, Steps

THREADS = 2
"""Of each step; the bot must go on answering commands beside them."""

_log = logging.getLogger(__name__)


class LocalQueue:
    """Jobs in memory. `steps` is set after construction, since the steps queue into here themselves."""

    def __init__(self) -> None:
        self.steps: Steps | None = None
        self._heaps: dict[str, list[tuple[float, int, Job]]] = {INTAKE: [], LISTEN: []}
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._running = 0
        # No executor: those of the standard library take no more work from the moment that the main thread ends, which
        # in HTTP mode is before the bot has drained.
        for name in (INTAKE, LISTEN) * THREADS:
            threading.Thread(target=self._run, args=(name,), name=f"local-{name}", daemon=True).start()

    def intake(self, job: Job, delay: float = 0.0) -> None:
        self._put(INTAKE, job, delay)

    def listen(self, job: Job, delay: float = 0.0) -> None:
        self._put(LISTEN, job, delay)

    def length(self) -> int:
        """Return the number of tasks that wait or are being worked."""
        with self._changed:
            return sum(map(len, self._heaps.values())) + self._running

    def _put(self, name: str, job: Job, delay: float) -> None:
        with self._changed:
            heapq.heappush(self._heaps[name], (time.monotonic() + delay, next(self._order), job))
            self._changed.notify_all()

    def _run(self, name: str) -> None:
        heap = self._heaps[name]
        while True:
            with self._changed:
                while not heap or heap[0][0] > time.monotonic():
                    self._changed.wait(heap[0][0] - time.monotonic() if heap else None)
                _, _, job = heapq.heappop(heap)
                self._running += 1
            try:
                if self.steps is not None:
                    (self.steps.intake if name == INTAKE else self.steps.listen)(job)
            except Exception:  # noqa: BLE001 - the thread goes on to the next job
                _log.exception("job %s failed for good in the bot's own pool", job.id)
            finally:
                with self._changed:
                    self._running -= 1
