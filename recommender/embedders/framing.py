"""How an embedder cuts PCM into the stretches that its rows stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Framing:
    """Row p of an embedding spans the samples [p hop - before, p hop + window).

    hop, window, before: samples. fill: samples that shorter audio is repeated up to, so that it makes one row.
    rate: samples a second.
    """

    hop: int
    window: int
    before: int
    fill: int
    rate: int = SAMPLE_RATE

    @property
    def seconds(self) -> float:
        """Seconds between rows."""
        return self.hop / self.rate

    def rows(self, samples: int) -> int:
        """Return the number of rows of so many samples; a rest shorter than a window makes none."""
        return 0 if samples < self.window else 1 + (samples - self.window) // self.hop

    def filled(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Repeat audio that is too short for a row; longer audio is returned as it is."""
        return pcm if len(pcm) >= self.window else np.resize(pcm, self.fill)

    def padded(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Put silence behind audio, so that its rows reach to its end."""
        lacking = self.window - len(pcm)
        return np.pad(pcm, (0, lacking if lacking > 0 else lacking % self.hop))


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples start <= s < stop make `rows` rows, of which the first `lead` were only there for context."""

    start: int
    stop: int
    rows: int
    lead: int


def pieces(framing: Framing, samples: int, seconds: float) -> list[Piece]:
    """Cut audio so that the pieces' rows, without their leads, are those of the audio in one run.

    A piece has whole rows, about `seconds` of them. Where a row spans samples before its own, one row goes ahead of it.
    """
    total = framing.rows(samples)
    each = max(1, int(seconds / framing.seconds))
    if total <= each:
        return [Piece(0, samples, total, 0)]
    cut = []
    for first in range(0, total, each):
        last = min(total, first + each)
        lead = 1 if first and framing.before else 0
        stop = (last - 1) * framing.hop + max(framing.hop, framing.window)
        cut.append(Piece((first - lead) * framing.hop, min(samples, stop), last - first + lead, lead))
    return cut
