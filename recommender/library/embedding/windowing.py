"""Embeds a file of any length in bounded memory: windows of 10 s with their vectors and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.embedders import Embedder, registry
from recommender.errors import Silent
from recommender.library.embedding.fingerprints import LONGEST_SECONDS, Fingerprint, fingerprint
from recommender.prepared_windows import embed_windows, windows_of, with_sound
from recommender.vectors import WINDOW_SECONDS, pool

PIECE_SECONDS = 48
"""Audio whose fingerprint is made at once, at the least."""
KEPT_TAGS = 5
LOWEST_KEPT_TAG = 0.05

Tags = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class AnalysedWindow:
    """A window: start and end in seconds, its pooled frame vectors float32 (d,), and its surest tags."""

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
    spec = registry.of_space(embedder.space)
    prints, samples = _Prints(spec.sample_rate), 0
    found: list[tuple[float, AnalysedWindow]] = []

    def counted() -> Iterator[NDArray[np.int16]]:
        nonlocal samples
        for block in blocks:
            prints.add(block)
            samples += len(block)
            yield block
            if not on_seconds(len(block) / spec.sample_rate):
                raise Stopped

    cut = windows_of(counted(), spec.sample_rate)
    for window in embed_windows(cut, embedder, tags=True, preparation=spec.preparation):
        vector = pool(window.frames.vectors, spec.pooling).astype(np.float32)
        tags = _surest(window.frames.tag_names, window.frames.tags.mean(axis=0, dtype=np.float64))
        found.append((window.loudest, AnalysedWindow(window.start, window.end, vector, tags)))
    kept = tuple(window for _, window in with_sound(found, lambda pair: pair[0]))
    if not kept:
        raise Silent("This audio is silent: check the recording's level.")
    return Analysis(samples / spec.sample_rate, kept, prints.finish())


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


def _surest(names: tuple[str, ...], tags: NDArray[np.float64]) -> Tags:
    best = np.argsort(-tags, kind="stable")[:KEPT_TAGS]
    return tuple((names[i], round(float(tags[i]), 3)) for i in best if tags[i] >= LOWEST_KEPT_TAG)
