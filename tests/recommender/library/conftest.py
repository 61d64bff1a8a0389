"""A small library of real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender.audio.wav import wav_bytes
from tests.support.audio import melody, pcm16


def tune(seconds: float, seed: int, rate: int = 16_000) -> NDArray[np.float32]:
    """A melody of any length, float32 (n,): short ones joined, since a long one takes long to make."""
    parts = [melody(2, rate, seed=1000 * seed + i) for i in range(int(seconds // 2) + 1)]
    return np.concatenate(parts)[: round(seconds * rate)]


def write_song(path: Path, seconds: float, seed: int) -> Path:
    """Write a melody as WAV, making its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(pcm16(tune(seconds, seed))))
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Eight files in two folders, one of them long enough for three windows."""
    folder = tmp_path / "music"
    for number in range(5):
        write_song(folder / "Loops" / f"loop {number}.wav", 4, number)
    for number in range(2):
        write_song(folder / "Songs" / f"song_{number}.wav", 12, 10 + number)
    write_song(folder / "Songs" / "long.wav", 31, 20)
    return folder
