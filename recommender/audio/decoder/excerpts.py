"""A stretch of a file as it is played to people, inside the decoder's child process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from recommender.audio.decoder.completeness import Reading
from recommender.audio.decoder.streams import frames_of

HIGHEST_RATE = 48_000
"""What every player takes; more is inaudible."""


def excerpt_of(path: Path, start: float, end: float) -> tuple[NDArray[np.int16], int]:
    """Decode the seconds from start to end: samples (n, channels) int16 and their rate; none beyond the file's end.

    Rate and channels are the file's own, up to 48 kHz and stereo. Raises `NotAudio`, `CannotDecode`.
    """
    form: av.AudioResampler | None = None
    parts: list[NDArray[Any]] = []
    channels, rate, spare, position = 1, HIGHEST_RATE, 0.0, 0.0
    kind: tuple[str, str, int] | None = None
    with path.open("rb") as file:
        for frame in frames_of(file, Reading()):
            first, position = position, position + frame.samples / frame.sample_rate
            if position <= start:
                continue
            if form is None:
                channels = min(2, len(frame.layout.channels))
                rate = min(HIGHEST_RATE, frame.sample_rate)
                spare = start - first
            if kind != (kind := (frame.format.name, frame.layout.name, frame.sample_rate)):
                parts += _rest(form)
                form = av.AudioResampler("s16", "stereo" if channels == 2 else "mono", rate)
            parts += [packed.to_ndarray() for packed in form.resample(frame)]  # type: ignore[union-attr]
            if position >= end:
                break
    parts += _rest(form)
    samples = np.concatenate([np.empty((1, 0), np.int16), *parts], axis=1).reshape(-1, channels)
    return samples[round(spare * rate) :][: round((end - start) * rate)], rate


def _rest(form: av.AudioResampler | None) -> list[NDArray[Any]]:
    """Return what a resampler still holds."""
    return [packed.to_ndarray() for packed in form.resample(None)] if form is not None else []
