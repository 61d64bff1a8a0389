"""Windows of 10 s, prepared and embedded one by one: the same for a library's files and for uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recommender.audio.decoding import is_silent, require_audible
from recommender.audio.preparation import EVEN, PLAIN, TO_LAST_ROW, prepare, sounding
from recommender.embedders import Embedder, Frames, registry
from recommender.vectors import SHORTEST_TAIL_SECONDS, WINDOW_SECONDS

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PreparedWindow:
    """Start and end in seconds; frames: the rows that hold sound, at least one; loudest: dB of its loudest 20 ms,
    0 where it was not prepared."""

    start: float
    end: float
    frames: Frames
    loudest: float


def windows_of(blocks: Iterable[NDArray[np.int16]], rate: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """Cut blocks (n,) of a rate into windows of 10 s, each with the sample it starts at; a rest under 5 s joins the
    window before. Beside a block, at most two windows are held."""
    window, tail = int(WINDOW_SECONDS * rate), int(SHORTEST_TAIL_SECONDS * rate)
    held, start = np.empty(0, np.int16), 0
    for block in blocks:
        held, first = np.concatenate((held, block)), 0
        while len(held) - first >= window + tail:
            yield start, held[first : first + window]
            first, start = first + window, start + window
        held = held[first:].copy()
    if len(held) or not start:
        yield start, held


def embed_windows(
    windows: Iterable[tuple[int, NDArray[np.int16]]], embedder: Embedder, *, tags: bool, preparation: str = EVEN
) -> Iterator[PreparedWindow]:
    """Prepare and embed windows, but for silent ones; raises `TooShort` for the only one, and an `EmbedderError`.

    preparation: with `PLAIN` the windows are embedded as they are.
    """
    framing = registry.of_space(embedder.space).framing
    for start, pcm in windows:
        if not start and len(pcm) < SHORTEST_TAIL_SECONDS * framing.rate:
            require_audible(pcm, framing.rate)
        if is_silent(pcm):
            continue
        seconds = start / framing.rate
        end = seconds + len(pcm) / framing.rate
        if preparation == PLAIN:
            yield PreparedWindow(seconds, end, embedder.embed(pcm, tags), 0.0)
            continue
        prepared = prepare(pcm, framing.rate)
        whole = prepared.pcm if preparation == TO_LAST_ROW else framing.padded(prepared.pcm)
        frames = embedder.embed(whole, tags)
        rows = prepared.rows(framing.hop, framing.window, len(frames.vectors))
        sound = Frames(frames.space, frames.hop, frames.vectors[rows], frames.tags[rows], frames.tag_names)
        yield PreparedWindow(seconds, end, sound, prepared.loudest)


def with_sound(windows: Sequence[_T], loudest: Callable[[_T], float]) -> list[_T]:
    """Leave out the windows that hold nothing but the file's noise floor."""
    kept = sounding([loudest(window) for window in windows])
    return [window for window, keep in zip(windows, kept, strict=True) if keep]
