"""Groups files that hold the same recording: equal bytes, other encodings and levels of it, silence around it, cut-outs
of half of it or more. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from recommender.audio.formats import LOSSLESS_SUFFIXES
from recommender.library.embedding.fingerprints import Fingerprint, same_recording
from recommender.library.unwanted import in_bin

LARGEST_RATIO = 2
"""Of the lengths of two copies: what is less than half of a recording is a sound of its own in it."""
LONGEST_DIFFERENCE_SECONDS = 0.2
"""Encoders pad, beside that: MP3 by up to 0.1 s, AAC by 0.13 s."""
LEAST_WHOLE = 0.9
"""Share of a recording's audible frames from which on a copy stands for it rather than a cut-out."""
LEAST_SIMILARITY = 0.7
"""Cosine of the recordings' mean vectors below which fingerprints need not be compared."""
NEAREST = 16
"""Recordings that one is compared with: copies are the nearest of all."""
FEWEST_TO_CENTRE = 20
SHORTEST_SECONDS = 1.3
"""Shorter sounds have too short a fingerprint; of them only equal bytes are copies."""
BLOCK_ROWS = 512


@dataclass(frozen=True, slots=True)
class Known:
    """What copies are told by first. paths: files of equal bytes; vector: mean of the window vectors, float32 (d,),
    which those do not need that are shorter than `SHORTEST_SECONDS`."""

    paths: tuple[str, ...]
    seconds: float
    vector: NDArray[np.float32]


def group(recordings: Sequence[Known], fingerprint_of: Callable[[int], Fingerprint]) -> list[list[int]]:
    """Return groups of recordings that are the same one, by their places in the list; each place is in one group.

    fingerprint_of: returns a place's fingerprint; asked only where two recordings might be the same.
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


def best_first(frames: Mapping[str, int]) -> list[str]:
    """Order the paths of one recording, by their audible frames: the one that stands for all comes first, whole ones
    before cut-outs, lossless ones before others, and those in a bin last."""
    whole = LEAST_WHOLE * max(frames.values())

    def order(path: str) -> tuple[bool, bool, bool, str]:
        lossy = PurePosixPath(path).suffix.lower() not in LOSSLESS_SUFFIXES
        return in_bin(path), frames[path] < whole, lossy, path

    return sorted(frames, key=order)


def _candidates(recordings: Sequence[Known]) -> list[tuple[int, int]]:
    """Return pairs that sound alike to the embedder, the longer up to twice as long: for each recording its nearest
    few, so that a library of ten thousand like loops stays quick."""
    lengths = np.array([recording.seconds for recording in recordings])
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] >= SHORTEST_SECONDS]
    if len(order) < 2:
        return []
    lengths = lengths[order]
    shortest = (lengths - LONGEST_DIFFERENCE_SECONDS) / LARGEST_RATIO
    longest = lengths * LARGEST_RATIO + LONGEST_DIFFERENCE_SECONDS
    rows = np.stack([recordings[place].vector for place in order]).astype(np.float32)
    if len(rows) >= FEWEST_TO_CENTRE:
        rows -= rows.mean(axis=0)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    pairs: set[tuple[int, int]] = set()
    for begin in range(0, len(order), BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, len(order))
        low = int(np.searchsorted(lengths, shortest[begin]))
        high = int(np.searchsorted(lengths, longest[end - 1], side="right"))
        alike = rows[begin:end] @ rows[low:high].T
        others = lengths[low:high]
        alike[(others < shortest[begin:end, None]) | (others > longest[begin:end, None])] = -1
        alike[np.arange(end - begin), np.arange(begin, end) - low] = -1
        count = min(NEAREST, alike.shape[1])
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        for own, near in enumerate(nearest):
            for other in near[alike[own, near] >= LEAST_SIMILARITY]:
                pair = int(order[begin + own]), int(order[low + other])
                pairs.add((min(pair), max(pair)))
    return sorted(pairs)
