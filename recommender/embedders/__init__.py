"""Embedders turn audio into frame vectors: one module per embedder, one protocol for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frames:
    """What an embedder returns for one stretch of audio.

    vectors: float32 (n, d), one row per `hop` seconds, dequantised to [-2, 2] in the VGGish spaces.
    tags: float32 (n, t) in [0, 1], one column per name in `tag_names`; t is 0 where none were asked for or the
    embedder has none.
    """

    space: str
    hop: float
    vectors: NDArray[np.float32]
    tags: NDArray[np.float32]
    tag_names: tuple[str, ...]


class Embedder(Protocol):
    """Anything that turns mono PCM of its space's rate into frame vectors of one space."""

    @property
    def space(self) -> str:
        """Name of the space; a client asks its service at first use, and may raise `EmbedderError`."""
        ...

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Names of its classifier's tags, none where it has none; may raise `EmbedderError` as `space` does."""
        ...

    def embed(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        """Embed samples (n,) int16, on request with tags; raises `TooShort`, `Silent` or an `EmbedderError`."""
        ...
