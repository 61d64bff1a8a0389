"""Groups files that hold the same recording: equal bytes, or other encodings of it. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from recommender.library.fingerprints import Fingerprint, same_recording

LONGEST_DIFFERENCE_SECONDS = 0.2
"""Encoders pad: MP3 by up to 0.1 s, AAC by 0.13 s."""
LEAST_SIMILARITY = 0.9
"""Cosine of the whole recordings' mean vectors, uncentred, below which fingerprints need not be compared."""
BLOCK_ROWS = 1024
LOSSLESS = (".wav", ".flac", ".aif", ".aiff", ".caf", ".w64", ".wv", ".ape", ".tta")
"""The best copy stands for all: lossless ones before others, then the first path."""


@dataclass(frozen=True, slots=True)
class Known:
    """What copies are told by first. paths: files of equal bytes; vector: mean of the window vectors, float32 (d,)."""

    paths: tuple[str, ...]
    seconds: float
    vector: NDArray[np.float32]


def group(recordings: Sequence[Known], fingerprint_of: Callable[[int], Fingerprint]) -> list[list[int]]:
    """Give groups of recordings that are the same one, by their places in the list; each place is in one group.

    fingerprint_of: gives a place's fingerprint; asked only where two recordings might be the same.
    """
    parent = list(range(len(recordings)))

    def top(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for first, second in _candidates(recordings):
        if top(first) != top(second) and same_recording(fingerprint_of(first), fingerprint_of(second)):
            parent[max(top(first), top(second))] = min(top(first), top(second))
    groups: dict[int, list[int]] = {}
    for place in range(len(recordings)):
        groups.setdefault(top(place), []).append(place)
    return list(groups.values())


def best_first(paths: Sequence[str]) -> list[str]:
    """Order the paths of one recording: the one that stands for all comes first."""
    return sorted(paths, key=lambda path: (PurePosixPath(path).suffix.lower() not in LOSSLESS, path))


def _candidates(recordings: Sequence[Known]) -> list[tuple[int, int]]:
    """Give pairs of about the same length that sound much alike to the embedder; most files have no such pair."""
    if not recordings:
        return []
    order = np.argsort([recording.seconds for recording in recordings], kind="stable")
    lengths = np.array([recordings[i].seconds for i in order])
    rows = np.stack([recordings[i].vector for i in order]).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    pairs = []
    for begin in range(0, len(order), BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, len(order))
        reach = int(np.searchsorted(lengths, lengths[end - 1] + LONGEST_DIFFERENCE_SECONDS, side="right"))
        alike = rows[begin:end] @ rows[begin:reach].T >= LEAST_SIMILARITY
        near = lengths[None, begin:reach] - lengths[begin:end, None] <= LONGEST_DIFFERENCE_SECONDS
        later = np.arange(begin, reach)[None, :] > np.arange(begin, end)[:, None]
        found = np.argwhere(alike & near & later)
        pairs += [(int(order[begin + a]), int(order[begin + b])) for a, b in found]
    return sorted((min(pair), max(pair)) for pair in pairs)
