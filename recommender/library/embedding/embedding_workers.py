"""Embeds many files at once, in threads: decoding runs in child processes, embedding outside Python's lock."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.audio import decoding as audio
from recommender.catalogue.measures import MEASURED
from recommender.embedders import Embedder, Frames, registry
from recommender.errors import AudioError, EmbedderBusy, EmbedderDown, SoundalikeError
from recommender.library.embedding.windowing import Analysis, Stopped, analyse
from recommender.vectors import WINDOW_SECONDS

THREADS_PER_EMBEDDER = 2
"""While one thread waits for the decoder or the service, the other has audio to embed."""
EMBEDDER_ATTEMPTS = 5
EMBEDDER_PAUSE_SECONDS = 2.0
"""A busy or restarted service gets about a minute, since each wait is twice the one before."""
LINGER_SECONDS = 0.8
"""How long a stop waits for the pieces in hand: within two seconds all is over."""
KILLED_DECODER_SECONDS = 0.3
"""Ctrl-C reaches the decoders as well, and may do so before this process knows of it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A file to be embedded."""

    path: str
    absolute: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task: its analysis and what the file says of itself, or an error; incomplete: where a part of its
    sound could not be read."""

    task: Task
    analysis: Analysis | None
    metadata: dict[str, str]
    error: AudioError | None
    incomplete: audio.Incomplete | None = None


@dataclass(slots=True)
class EmbeddingRun:
    """A run over files by threads; `outcomes` yields results as they come, `stop` ends it early."""

    embedders: Sequence[Embedder]
    tasks: Sequence[Task]
    on_seconds: Callable[[float], None] = lambda _: None
    _waiting: queue.SimpleQueue[Task] = field(default_factory=queue.SimpleQueue)
    _done: queue.SimpleQueue[Outcome | SoundalikeError | BaseException | None] = field(
        default_factory=queue.SimpleQueue
    )
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def outcomes(self) -> Iterator[Outcome]:
        """Embed all tasks; raises `EmbedderError` where the embedder does not come back."""
        for task in self.tasks:
            self._waiting.put(task)
        for embedder in self.embedders:
            for _ in range(min(THREADS_PER_EMBEDDER, len(self.tasks))):
                # Daemons: a stop does not wait for the piece that a slow machine has in hand.
                thread = threading.Thread(target=self._work, args=(embedder,), daemon=True)
                thread.start()
                self._threads.append(thread)
        running = len(self._threads)
        while running:
            result = self._done.get()
            if result is None:
                running -= 1
            elif isinstance(result, Outcome):
                yield result
            else:
                self._stopping.set()
                raise result

    def stop(self) -> list[Outcome]:
        """End the threads; returns what they still finished in that time."""
        self._stopping.set()
        deadline = time.monotonic() + LINGER_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        finished = []
        while not self._done.empty():
            result = self._done.get()
            if isinstance(result, Outcome):
                finished.append(result)
        return finished

    @property
    def busy(self) -> bool:
        """Whether a thread still works."""
        return any(thread.is_alive() for thread in self._threads)

    def _work(self, embedder: Embedder) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    task = self._waiting.get_nowait()
                except queue.Empty:
                    break
                outcome = self._analyse(task, _Patient(embedder, self._stopping))
                if outcome is not None:
                    self._done.put(outcome)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads the outcomes
            self._done.put(error)
        finally:
            self._done.put(None)

    def _analyse(self, task: Task, embedder: Embedder) -> Outcome | None:
        try:
            metadata = audio.metadata(task.absolute)
            rate = registry.of_space(embedder.space).sample_rate
            blocks = audio.decode_blocks(task.absolute, block_seconds=WINDOW_SECONDS, rate=rate)
            analysis = analyse(blocks, embedder, self._count)
            if blocks.loudness is not None:
                metadata = {**metadata, MEASURED: f"{blocks.loudness:.1f}"}
            return Outcome(task, analysis, metadata, None, blocks.incomplete)
        except AudioError as error:
            if self._stopping.wait(KILLED_DECODER_SECONDS if error.code == "cannot-decode" else 0):
                return None
            return Outcome(task, None, {}, error)

    def _count(self, seconds: float) -> bool:
        self.on_seconds(seconds)
        return not self._stopping.is_set()


class _Patient:
    """An embedder that waits for a service which is busy or starts again."""

    def __init__(self, embedder: Embedder, stopping: threading.Event) -> None:
        self._embedder = embedder
        self._stopping = stopping

    @property
    def space(self) -> str:
        return self._embedder.space

    @property
    def tag_names(self) -> tuple[str, ...]:
        return self._embedder.tag_names

    def embed(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        for attempt in range(EMBEDDER_ATTEMPTS - 1):
            try:
                return self._embedder.embed(pcm, tags)
            except (EmbedderBusy, EmbedderDown):
                if self._stopping.wait(EMBEDDER_PAUSE_SECONDS * 2**attempt):
                    raise Stopped from None
        return self._embedder.embed(pcm, tags)
