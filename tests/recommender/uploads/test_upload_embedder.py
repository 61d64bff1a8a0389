"""Uploads of several windows, which are embedded some at once."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from recommender.audio import SAMPLE_RATE
from recommender.audio.preparation import EVEN
from recommender.audio.wav import wav_bytes
from recommender.embedders import Frames
from recommender.embedders.local import LocalEmbedder
from recommender.errors import EmbedderDown
from recommender.settings import Settings
from recommender.timings import Timings
from recommender.uploads import Upload
from recommender.uploads.upload_embedder import UploadEmbedder
from tests.support.audio import melody, pcm16
from tests.support.spectral import SpectralNetwork

WINDOWS = 6


class Late(LocalEmbedder):
    """Answers the first window last, or fails at the third."""

    def __init__(self, failing: bool = False) -> None:
        super().__init__(SpectralNetwork())
        self._failing = failing
        self._asked = 0
        self._lock = threading.Lock()
        self._second = threading.Event()

    def embed(self, pcm: np.ndarray, tags: bool = False) -> Frames:
        with self._lock:
            self._asked += 1
            number = self._asked
        if self._failing and number == 3:
            raise EmbedderDown("It is gone.")
        if number == 1:
            self._second.wait(30)
        elif number == 2:
            self._second.set()
        return super().embed(pcm, tags)


def embedded(embedder: LocalEmbedder, path: Path) -> Upload:
    uploads = UploadEmbedder(Settings(_env_file=None), embedder, None)
    return uploads.embed_file(path, embedder.space, Timings(), EVEN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    sound = np.concatenate([pcm16(melody(10, seed=seed)) for seed in range(WINDOWS)])
    (tmp_path / "a.wav").write_bytes(wav_bytes(sound, SAMPLE_RATE))
    return tmp_path / "a.wav"


def test_windows_keep_their_order_whichever_is_done_first(path: Path):
    upload, plain = embedded(Late(), path), embedded(LocalEmbedder(SpectralNetwork()), path)
    assert upload.cuts is not None and [cut.start for cut in upload.cuts] == [10 * n for n in range(WINDOWS)]
    assert upload.cuts == plain.cuts
    np.testing.assert_array_equal(upload.frames.vectors, plain.frames.vectors)


def test_a_file_that_was_cut_says_how_much_of_it_could_be_read(path: Path):
    assert embedded(LocalEmbedder(SpectralNetwork()), path).incomplete == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    said = embedded(LocalEmbedder(SpectralNetwork()), path).incomplete
    assert said.startswith("Only 30.0 s of the 60.0 s that the file's header speaks of could be read")


def test_a_failure_at_one_window_is_that_of_the_upload(path: Path):
    with pytest.raises(EmbedderDown, match="It is gone"):
        embedded(Late(failing=True), path)
