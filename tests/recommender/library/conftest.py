"""A small library of real files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def _songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    for number in range(5):
        write_song(folder / "Loops" / f"loop {number}.wav", 4, number)
    for number in range(2):
        write_song(folder / "Songs" / f"song_{number}.wav", 12, 10 + number)
    write_song(folder / "Songs" / "long.wav", 31, 20)
    return folder


@pytest.fixture
def music(_songs: Path, tmp_path: Path) -> Path:
    """Eight files in two folders, one of them long enough for three windows."""
    return shutil.copytree(_songs, tmp_path / "music")


FailingListing = Callable[..., None]


@pytest.fixture
def failing_listing(monkeypatch: pytest.MonkeyPatch) -> FailingListing:
    """Make the listing of a folder fail as a disk or a file server does: with an errno, after some entries."""
    real, failing = os.scandir, dict[str, tuple[int, int]]()

    class Listing:
        def __init__(self, folder: str) -> None:
            self._folder, self._entries = folder, real(folder)

        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            code, after = failing[self._folder]
            for count, entry in enumerate(self._entries):
                if count == after:
                    break
                yield entry
            raise OSError(code, os.strerror(code))

    def scandir(folder: Any = ".") -> Any:
        code, after = failing.get(str(folder), (0, 0))
        if code and not after:
            raise OSError(code, os.strerror(code))
        return Listing(str(folder)) if code else real(folder)

    def fail(folder: Path, code: int, after: int = 0) -> None:
        failing[str(folder.resolve())] = code, after

    monkeypatch.setattr(os, "scandir", scandir)
    return fail
