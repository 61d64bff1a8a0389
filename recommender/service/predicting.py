"""`POST /model/predict`: a WAV file in, rows of numbers out, in bounded memory."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.audio.resampling import MAX_RATE, Resampler
from recommender.audio.wav import read_wav
from recommender.embedders import Frames, registry
from recommender.embedders.spec import EmbedderSpec
from recommender.errors import CannotDecode
from recommender.vectors import quantise

MAX_SECONDS = 70 * 60
"""What the largest request holds at 8 kHz, the lowest rate that people record at: lower ones grow in resampling."""
MIN_RATE = 1000
"""A file of a lower rate grows a thousandfold in resampling."""
_BLOCK = 1 << 18
"""Frames that are mixed and resampled at a time."""
_NUMBER_BYTES = 32
"""Of a value in work: as float32, joined to others, and as text twice."""


def read(data: bytes) -> tuple[NDArray[np.int16], int]:
    """Return the samples of a WAV file, (n, channels), and their rate; raises `CannotDecode`."""
    samples, rate_in = read_wav(data)
    if not MIN_RATE <= rate_in <= MAX_RATE:
        raise CannotDecode(f"This WAV file claims {rate_in} Hz: export it again.")
    if len(samples) > MAX_SECONDS * rate_in:
        raise CannotDecode(f"This WAV file claims {len(samples) / rate_in / 60:.0f} minutes: export it again.")
    if not len(samples):
        raise CannotDecode("This WAV file holds no samples: export it again.")
    return samples, rate_in


def mono(samples: NDArray[np.int16], rate_in: int, rate: int) -> NDArray[np.int16]:
    """Average the channels and resample, as IBM's container does: int16 (n,)."""
    if rate_in == rate and samples.shape[1] == 1:
        return samples[:, 0]
    return np.concatenate(list(_blocks(samples, rate_in, rate)))


def _blocks(samples: NDArray[np.int16], rate_in: int, rate: int) -> Iterator[NDArray[np.int16]]:
    resampler = Resampler(rate_in, rate)
    for start in range(0, len(samples), _BLOCK):
        yield _rounded(resampler.push(samples[start : start + _BLOCK].mean(axis=1, dtype=np.float32)))
    yield _rounded(resampler.flush())


def _rounded(block: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(block).clip(-32_768, 32_767).astype(np.int16)


def memory_for(size: int, rate_in: int, frames: int, spec: EmbedderSpec, tags: int) -> int:
    """Estimate the bytes that a request takes: its file of `size` bytes, the samples of its frames, and the answer."""
    samples = frames * spec.sample_rate // rate_in
    return size + 2 * 2 * samples + spec.framing.rows(samples) * (spec.dimension + tags) * _NUMBER_BYTES


def answer(frames: Frames, tags: bool, packed: bool) -> bytes:
    """Write the answer's JSON; VGGish's values travel as bytes, as MAX sends them.

    packed: as float32, little-endian and in base64, in place of lists, which a minute of YAMNet's rows take a third of
    a second to be written as and to be read from.
    """
    quantised = registry.of_space(frames.space).quantised
    vectors = quantise(frames.vectors) if quantised else frames.vectors
    parts = [b'{"status": "ok", "embedding": ', _packed(vectors) if packed else _listed(vectors)]
    if tags:
        parts += [b', "tags": ', _packed(frames.tags) if packed else _listed(frames.tags)]
    return b"".join([*parts, b"}"])


def _packed(values: NDArray[Any]) -> bytes:
    return b'"' + base64.b64encode(values.astype("<f4").tobytes()) + b'"'


def _listed(values: NDArray[Any]) -> bytes:
    return _floats(values) if values.dtype == np.float32 else _integers(values)


def _integers(values: NDArray[Any]) -> bytes:
    return _array(",".join(map(str, row)) for row in values.tolist())


def _floats(values: NDArray[Any]) -> bytes:
    """Write float32 with the nine digits that read back exactly; all 17 of a double would double the answer.

    Row by row: one call for all would keep every other thread waiting.
    """
    if not np.isfinite(values).all():
        raise ValueError("the network computed values that are no numbers")
    form = ",".join(["%.9g"] * values.shape[1])
    return _array(form % tuple(row.tolist()) for row in values)


def _array(rows: Iterator[str]) -> bytes:
    return b"[" + b",".join(b"[" + row.encode() + b"]" for row in rows) + b"]"
