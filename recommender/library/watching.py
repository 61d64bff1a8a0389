"""Keeps a catalogue in step with its folder: builds once the folder has changed and is quiet again."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from recommender.errors import SoundalikeError
from recommender.library.building import build
from recommender.library.embedding.embedder_pool import EmbedderPool
from recommender.library.report import Report
from recommender.library.scanning import Scan, Selection, scan
from recommender.library.writing import IndexOptions


class Watch:
    """One folder and its catalogue. every: least seconds between the ends of builds; look: seconds between looks.

    on_built and on_trouble are told of each build and of each one that failed; a failed one is tried again.
    """

    def __init__(
        self,
        folder: Path,
        out: Path,
        pool: EmbedderPool,
        *,
        every: float,
        look: float,
        index: IndexOptions,
        selection: Selection,
        on_built: Callable[[Report], None],
        on_trouble: Callable[[SoundalikeError], None],
    ) -> None:
        self._folder = folder
        self._out = out
        self._pool = pool
        self._every = every
        self._look = look
        self._index = index
        self._selection = selection
        self._on_built = on_built
        self._on_trouble = on_trouble
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End `run` at the next look."""
        self._stopping.set()

    def run(self) -> None:
        """Look until stopped. A folder counts as changed once two looks in a row see the same new state: before that
        somebody is still copying into it."""
        built: str | None = None
        seen: str | None = None
        ready_at = time.monotonic()
        while not self._stopping.is_set():
            state = self._state()
            # The first build waits for nothing: it finds out what has changed since the watch last ran.
            settled = state == seen or built is None
            if state is not None and state != built and settled and time.monotonic() >= ready_at:
                if self._build():
                    built = state
                ready_at = time.monotonic() + self._every
            seen = state
            self._stopping.wait(self._look)

    def _state(self) -> str | None:
        try:
            return state_of(scan(self._folder, self._selection))
        except SoundalikeError as error:
            # The disk may be away for a while: the catalogue stays as it is.
            self._on_trouble(error)
            return None

    def _build(self) -> bool:
        try:
            report = build(
                self._folder,
                self._out,
                self._pool,
                selection=self._selection,
                index=self._index,
                progress=False,
            )
        except SoundalikeError as error:
            self._on_trouble(error)
            return False
        self._on_built(report)
        return True


def state_of(found: Scan) -> str:
    """Return a text that changes whenever a file is added, changed, moved or removed."""
    digest = hashlib.sha256()
    for file in found.files:
        digest.update(f"{file.path}\0{file.stamp}\n".encode())
    return digest.hexdigest()
