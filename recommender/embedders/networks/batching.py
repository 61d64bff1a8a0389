"""Batches of several callers' rows: one thread runs the network, and takes along whatever has come in meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.networks.network import Network
from recommender.embedders.spec import EmbedderSpec

LOOK_SECONDS = 0.25
"""How often somebody who waits for rows is looked at."""

_Output = tuple[NDArray[np.float32], NDArray[np.float32]]
_Job = tuple[NDArray[np.float32], "Future[_Output]"]


class BatchedNetwork:
    """A network for many threads at once. There is no wait for company: a lone caller's rows run immediately."""

    def __init__(self, network: Network, on_batch: Callable[[int], None] = lambda rows: None) -> None:
        """Take a network; `on_batch` is told the rows of each batch."""
        self._network = network
        self._on_batch = on_batch
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._began: float | None = None
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()

    @property
    def spec(self) -> EmbedderSpec:
        return self._network.spec

    @property
    def tag_names(self) -> tuple[str, ...]:
        return self._network.tag_names

    @property
    def batch(self) -> int:
        return self._network.batch

    @property
    def verified(self) -> bool:
        return self._network.verified

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Compute the network's input in the caller's thread."""
        return self._network.patches(pcm, first, last)

    def run(self, patches: NDArray[np.float32]) -> _Output:
        """Return the caller's rows, which went through the network with those of others."""
        return self.submit(patches).result()

    def submit(self, patches: NDArray[np.float32]) -> Future[_Output]:
        """Queue rows; what is cancelled before its turn does not run."""
        future: Future[_Output] = Future()
        self._jobs.put((patches, future))
        return future

    def watched(self, look: Callable[[], None]) -> WatchedNetwork:
        """Return the network for one caller; `look` is called now and then, and may raise to give up."""
        return WatchedNetwork(self, look)

    def running_for(self) -> float:
        """Seconds that the batch of this moment has taken so far, 0 where none runs."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def close(self) -> None:
        """Finish what waits, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        held: _Job | None = None
        while True:
            first = held or self._jobs.get()
            if first is None:
                return
            jobs, held, closing = self._company(first)
            self._run_together(jobs)
            if closing:
                return

    def _company(self, first: _Job) -> tuple[list[_Job], _Job | None, bool]:
        """Take what waits and still fits beside the first job; one that does not fit is held for the next batch."""
        jobs, rows = [first], len(first[0])
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, None, False
            if job is None:
                return jobs, None, True
            if rows + len(job[0]) > self.batch:
                return jobs, job, False
            jobs.append(job)
            rows += len(job[0])

    def _run_together(self, jobs: list[_Job]) -> None:
        jobs = [job for job in jobs if job[1].set_running_or_notify_cancel()]
        if not jobs:
            return
        self._began = time.monotonic()
        try:
            together = jobs[0][0] if len(jobs) == 1 else np.concatenate([patches for patches, _ in jobs])
            self._on_batch(len(together))
            vectors, tags = self._network.run(together)
        except Exception as error:  # noqa: BLE001 - raised again in each caller's thread
            for _, future in jobs:
                future.set_exception(error)
            return
        finally:
            self._began = None
        start = 0
        for patches, future in jobs:
            stop = start + len(patches)
            future.set_result((vectors[start:stop], tags[start:stop]))
            start = stop


class WatchedNetwork:
    """A batched network as one caller sees it, whose rows are dropped when the caller gives up."""

    def __init__(self, batched: BatchedNetwork, look: Callable[[], None]) -> None:
        self._batched = batched
        self._look = look

    @property
    def spec(self) -> EmbedderSpec:
        return self._batched.spec

    @property
    def tag_names(self) -> tuple[str, ...]:
        return self._batched.tag_names

    @property
    def batch(self) -> int:
        return self._batched.batch

    @property
    def verified(self) -> bool:
        return self._batched.verified

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Compute the network's input, unless the caller gave up."""
        self._look()
        return self._batched.patches(pcm, first, last)

    def run(self, patches: NDArray[np.float32]) -> _Output:
        """Return the caller's rows; raises what `look` raises."""
        future = self._batched.submit(patches)
        while True:
            try:
                return future.result(LOOK_SECONDS)
            except FutureTimeout:
                if future.done():  # the network's own time-out
                    raise
                try:
                    self._look()
                except BaseException:
                    future.cancel()
                    raise
