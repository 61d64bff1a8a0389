"""Embeds a file of any length in bounded memory: windows of 10 s with their vectors and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.audio.decoding import is_silent, require_audible
from recommender.audio.preparation import PLAIN
from recommender.embedders import Embedder, registry
from recommender.errors import Silent, TooShort
from recommender.library.fingerprints import LONGEST_SECONDS, Fingerprint, fingerprint
from recommender.prepared_windows import embed_windows, windows_of, with_sound
from recommender.vectors import WINDOW_SECONDS, windows

PIECE_SECONDS = 48
"""Audio that goes through the embedder at once: 50 rows of VGGish, 16 of MusiCNN. Ctrl-C waits no longer than that."""
KEPT_TAGS = 5
LOWEST_KEPT_TAG = 0.05

Tags = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class AnalysedWindow:
    """A window: start and end in seconds, the mean of its frame vectors float32 (d,), and its surest tags."""

    start: float
    end: float
    vector: NDArray[np.float32]
    tags: Tags


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a file's sound. seconds: length of its audio."""

    seconds: float
    windows: tuple[AnalysedWindow, ...]
    fingerprint: Fingerprint


class Stopped(Exception):
    """Embedding was broken off because the program ends."""


def analyse(
    blocks: Iterable[NDArray[np.int16]], embedder: Embedder, on_seconds: Callable[[float], bool] = lambda _: True
) -> Analysis:
    """Embed decoded blocks of `WINDOW_SECONDS` each, int16 (n,) at the embedder's rate.

    on_seconds: told the length of each block; where it returns False, `Stopped` is raised. Raises `TooShort`, `Silent`,
    `EmbedderError` and whatever the blocks raise.
    """
    plain = registry.of_space(embedder.space).preparation == PLAIN
    analyser = _Analyser(embedder) if plain else _PreparedAnalyser(embedder)
    for block in blocks:
        analyser.add(block)
        if not on_seconds(len(block) / analyser.rate):
            raise Stopped
    return analyser.finish()


class _Prints:
    """Fingerprints of blocks as they come."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._prints: list[Fingerprint] = []
        self._unprinted: list[NDArray[np.int16]] = []
        self._samples = 0

    def add(self, block: NDArray[np.int16]) -> None:
        self._unprinted.append(block)
        self._samples += len(block)
        # Two fingerprints are compared word by word, so pieces must be cut at the same places in every file.
        if len(self._unprinted) * WINDOW_SECONDS >= PIECE_SECONDS:
            self._print()

    def finish(self) -> Fingerprint:
        self._print()
        return np.concatenate(self._prints) if self._prints else np.empty(0, np.uint32)

    def _print(self) -> None:
        if self._unprinted and self._samples <= LONGEST_SECONDS * self._rate:
            self._prints.append(fingerprint(np.concatenate(self._unprinted), self._rate))
        self._unprinted = []


class _PreparedAnalyser:
    """Windows that are prepared and embedded one by one, as those of uploads are."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.rate = registry.of_space(embedder.space).sample_rate
        self._prints = _Prints(self.rate)
        self._rest = np.empty(0, np.int16)
        self._start = 0
        self._samples = 0
        self._found: list[tuple[float, AnalysedWindow]] = []

    def add(self, block: NDArray[np.int16]) -> None:
        self._prints.add(block)
        self._samples += len(block)
        *whole, (start, rest) = windows_of([self._rest, block], self.rate)
        for begin, pcm in whole:
            self._embed(self._start + begin, pcm)
        self._start, self._rest = self._start + start, rest

    def finish(self) -> Analysis:
        self._embed(self._start, self._rest)
        found = tuple(window for _, window in with_sound(self._found, lambda pair: pair[0]))
        if not found:
            raise Silent("This audio is silent: check the recording's level.")
        return Analysis(self._samples / self.rate, found, self._prints.finish())

    def _embed(self, start: int, pcm: NDArray[np.int16]) -> None:
        for window in embed_windows([(start, pcm)], self._embedder, tags=True):
            vector = window.frames.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
            tags = _surest(window.frames.tag_names, window.frames.tags.mean(axis=0, dtype=np.float64))
            self._found.append((window.loudest, AnalysedWindow(window.start, window.end, vector, tags)))


class _Analyser:
    """Rows of the embedder as they come, summed into 10 s bins: a row belongs to the bin that its centre lies in."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._framing = registry.of_space(embedder.space).framing
        self.rate = self._framing.rate
        self._batch = max(1, int(PIECE_SECONDS / self._framing.seconds))
        self._pcm = np.empty(0, np.int16)
        self._origin = 0  # of self._pcm, in samples of the whole
        self._rows = 0
        self._silent: list[bool] = []
        self._sums: list[NDArray[np.float64]] = []
        self._tag_sums: list[NDArray[np.float64]] = []
        self._counts: list[int] = []
        self._tag_names: tuple[str, ...] = ()
        self._prints = _Prints(self.rate)

    @property
    def _samples(self) -> int:
        return self._origin + len(self._pcm)

    def add(self, block: NDArray[np.int16]) -> None:
        self._pcm = np.concatenate([self._pcm, block])
        self._silent.append(is_silent(block))
        self._prints.add(block)
        while self._framing.rows(self._samples) - self._rows > self._batch:
            self._embed(self._batch)

    def finish(self) -> Analysis:
        if not self._rows and self._framing.rows(self._samples) <= 1:
            self._embed_short()
        while rest := self._framing.rows(self._samples) - self._rows:
            if rest < 0:
                break
            self._embed(min(rest, self._batch))
        seconds = self._samples / self.rate
        found = tuple(self._windows(seconds))
        if not found:
            raise Silent("This audio is silent: check the recording's level.")
        return Analysis(seconds, found, self._prints.finish())

    def _embed_short(self) -> None:
        require_audible(self._pcm, self.rate)
        frames = self._embedder.embed(self._pcm, tags=True)
        self._tag_names = frames.tag_names
        self._count(frames.vectors, frames.tags)

    def _embed(self, rows: int) -> None:
        """Embed the next rows; a row goes ahead where they span samples before their own."""
        framing = self._framing
        lead = 1 if self._rows and framing.before else 0
        start = (self._rows - lead) * framing.hop
        stop = (self._rows + rows - 1) * framing.hop + framing.window
        piece = self._pcm[start - self._origin : stop - self._origin]
        try:
            frames = self._embedder.embed(piece, tags=True)
        except (Silent, TooShort):
            self._rows += rows
        else:
            self._tag_names = frames.tag_names
            self._count(frames.vectors[lead : lead + rows], frames.tags[lead : lead + rows])
        keep = max(0, (self._rows - 1) * framing.hop) - self._origin
        self._pcm = self._pcm[keep:].copy()
        self._origin += keep

    def _count(self, vectors: NDArray[np.float32], tags: NDArray[np.float32]) -> None:
        centres = (np.arange(self._rows, self._rows + len(vectors)) + 0.5) * self._framing.seconds
        bins = (centres // WINDOW_SECONDS).astype(int)
        while len(self._sums) <= bins[-1]:
            self._sums.append(np.zeros(vectors.shape[1]))
            self._tag_sums.append(np.zeros(tags.shape[1]))
            self._counts.append(0)
        for number in np.unique(bins):
            inside = bins == number
            self._sums[number] += vectors[inside].sum(axis=0, dtype=np.float64)
            self._tag_sums[number] += tags[inside].sum(axis=0, dtype=np.float64)
            self._counts[number] += int(inside.sum())
        self._rows += len(vectors)

    def _windows(self, seconds: float) -> Iterable[AnalysedWindow]:
        """Return the windows that are not silent; the last one holds what is left of the bins."""
        cuts = windows(self._rows, self._framing.seconds, seconds)
        for place, cut in enumerate(cuts):
            first = int(cut.start // WINDOW_SECONDS)
            last = len(self._sums) if place == len(cuts) - 1 else first + 1
            count = sum(self._counts[first:last])
            silent = self._silent[first : len(self._silent) if place == len(cuts) - 1 else first + 1]
            if not count or (silent and all(silent)):
                continue
            vector = np.sum(self._sums[first:last], axis=0) / count
            tags = np.sum(self._tag_sums[first:last], axis=0) / count
            yield AnalysedWindow(cut.start, cut.end, vector.astype(np.float32), _surest(self._tag_names, tags))


def _surest(names: tuple[str, ...], tags: NDArray[np.float64]) -> Tags:
    best = np.argsort(-tags, kind="stable")[:KEPT_TAGS]
    return tuple((names[i], round(float(tags[i]), 3)) for i in best if tags[i] >= LOWEST_KEPT_TAG)
