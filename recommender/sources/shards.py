"""What a child process does with shards: records into rows and vectors. Imports little: each child starts afresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.sources import sequence_example
from recommender.sources.sequence_example import FRAME_VALUES, Example, NotAnExample
from recommender.sources.tfrecord import Damage, RecordPiece, records
from recommender.vectors import RAW_FRAMES, dequantise


@dataclass(frozen=True, slots=True)
class Wanted:
    """What becomes of a record. names: label by class index; only: class indices of which one is needed, or None."""

    names: tuple[str, ...]
    only: frozenset[int] | None
    vectors_kind: str


class Read(NamedTuple):
    """What a worker returns: fields of `NewClip`, vectors, how many records there were, what was damaged, and how often
    each class came that has no name."""

    clips: list[tuple[str, str, float, float, tuple[str, ...]]]
    vectors: NDArray[np.float32]
    records: int
    damages: list[Damage]
    unnamed: Counter[int]


def read(batch: list[RecordPiece], wanted: Wanted) -> Read:
    """Turn records into clips and vectors."""
    examples: list[Example] = []
    damages: list[Damage] = []
    count = 0
    for piece in batch:
        for found in records(piece):
            if isinstance(found, Damage):
                damages.append(found)
                continue
            count += 1
            offset, record = found
            try:
                example = sequence_example.read(record)
            except NotAnExample as error:
                count -= 1
                damages.append(Damage(piece.file, offset, f"a record cannot be used: {error}", False))
                continue
            if wanted.only is None or not wanted.only.isdisjoint(example.labels):
                examples.append(example)
    features = {"raw-frames": _raw_frames, "learned": _means_and_deviations}.get(wanted.vectors_kind, _means)
    vectors = features(examples)
    clips, unnamed = _clips(examples, wanted.names)
    return Read(clips, vectors, count, damages, unnamed)


def _clips(
    examples: Sequence[Example], names: Sequence[str]
) -> tuple[list[tuple[str, str, float, float, tuple[str, ...]]], Counter[int]]:
    # The same few labels come together again and again.
    texts: dict[tuple[int, ...], tuple[str, ...]] = {}
    clips = []
    unnamed: Counter[int] = Counter()
    for video_id, start, end, labels, _ in examples:
        text = texts.get(labels)
        if text is None:
            text = tuple([names[i] for i in labels if 0 <= i < len(names) and names[i]])
            texts[labels] = text
        if len(text) < len(labels):
            unnamed.update(i for i in labels if not (0 <= i < len(names) and names[i]))
        clips.append((f"{video_id}_{round(start * 1000)}", video_id, start, end, text))
    return clips, unnamed


def _means(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Average the dequantised frames of each example: float32 (n, 128)."""
    means = np.empty((len(examples), FRAME_VALUES), np.float64)
    for count, places, frames in _by_length(examples):
        means[places] = frames.sum(axis=1, dtype=np.uint32) / count
    return dequantise(means)


def _means_and_deviations(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return mean and standard deviation of the dequantised frames of each example: float32 (n, 256)."""
    deviations = np.empty((len(examples), FRAME_VALUES), np.float64)
    for _, places, frames in _by_length(examples):
        deviations[places] = frames.std(axis=1, dtype=np.float64)
    step = dequantise(np.array([1.0])) - dequantise(np.array([0.0]))
    return np.hstack((_means(examples), (deviations * step).astype(np.float32)))


def _raw_frames(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Flatten the first ten frames of each example: float32 (n, 1280); the notebook leaves shorter ones out: zero."""
    flat = np.zeros((len(examples), RAW_FRAMES * FRAME_VALUES), np.float32)
    for count, places, frames in _by_length(examples):
        if count >= RAW_FRAMES:
            flat[places] = frames[:, :RAW_FRAMES].reshape(len(places), -1)
    return flat


def _by_length(examples: Sequence[Example]) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.uint8]]]:
    """Group examples by their number of frames: the number, their places, and the frames (places, number, 128)."""
    counts = np.array([example.frames for example in examples], np.int64)
    for count in np.unique(counts).tolist():
        places = np.flatnonzero(counts == count)
        frames = sequence_example.frames_of([examples[place] for place in places.tolist()])
        yield count, places, frames.reshape(len(places), count, FRAME_VALUES)
