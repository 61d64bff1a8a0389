"""`python -m benchmarks.silence ESC10`: what silence around an upload does to what VGGish gets of it, its log mels.

Uploads against AudioSet keep their silence, since Google's features were made with it. Without VGGish's weights it can
be followed as far as its input: how many of the rows of 0.96 s are silent throughout, and whether the mean log mel of a
padded sound is still nearest to that of the sound itself, all means centred, among all sounds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.library_conditions import padded
from recommender.audio.decoding import decode
from recommender.embedders import registry
from recommender.embedders.vggish import log_mel
from recommender.vectors import unit_rows

PADDINGS = (0.0, 1.0, 2.0, 5.0)
FULL_SCALE = 32_768


def rows_of(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the log mels of VGGish's rows: float64 (rows, frames, bands)."""
    framing = registry.named("vggish").framing
    pcm = framing.filled(pcm)
    frames = log_mel(pcm / FULL_SCALE)
    rows, each = framing.rows(len(pcm)), len(log_mel(np.zeros(framing.window)))
    cut: NDArray[np.float64] = frames[: rows * each].reshape(rows, each, -1)
    return cut


def main(folder: str) -> None:
    """Print a line for each padding."""
    sounds = [decode(path, max_seconds=60).pcm for path in sorted(Path(folder).glob("*/*.ogg"))]
    plain = np.stack([rows_of(pcm).mean(axis=(0, 1)) for pcm in sounds])
    known = unit_rows(plain - plain.mean(axis=0))
    floor = log_mel(np.zeros(FULL_SCALE)).max()
    for seconds in PADDINGS:
        rows = [rows_of(padded(seconds)(pcm)) for pcm in sounds]
        silent = np.mean([(each.max(axis=(1, 2)) <= floor + 1e-6).mean() for each in rows])
        asked = unit_rows(np.stack([each.mean(axis=(0, 1)) for each in rows]) - plain.mean(axis=0))
        first = (asked @ known.T).argmax(axis=1) == np.arange(len(known))
        told = f"{silent:6.1%} of the rows silent, itself nearest {first.mean():6.1%}"
        print(f"{seconds:3.0f} s before and after: {told}")


if __name__ == "__main__":
    main(sys.argv[1])
