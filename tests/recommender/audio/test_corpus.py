"""Whatever is uploaded becomes audio or a named error, and nothing else on this machine is touched for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.audio.wav import read_wav
from recommender.errors import AudioError
from tests.support.corpus import EITHER, ENCODED, PLAYS, REFUSED, encoded


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that notices whether anybody connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def made(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_the_corpus_is_large_enough():
    assert len(PLAYS) + len(REFUSED) + len(EITHER) >= 60
    assert len(ENCODED) >= 50


@pytest.mark.parametrize("name", ENCODED)
def test_what_ffmpeg_plays_is_decoded(name: str, tmp_path: Path):
    path = made(tmp_path, name, encoded(name))
    sound = decoding.decode(path, max_seconds=60)
    assert sound.seconds == pytest.approx(1.5, abs=0.05)
    assert np.abs(sound.pcm).max() > 3000
    samples, rate = read_wav(decoding.excerpt(path, 0.5, 1.0))
    assert len(samples) == pytest.approx(0.5 * rate, abs=1)
    assert samples.shape[1] in {1, 2}
    assert np.abs(samples).max() > 3000


@pytest.mark.parametrize("name", PLAYS)
def test_odd_files_that_are_decoded_all_the_same(name: str, tmp_path: Path, listener: socket.socket):
    data = PLAYS[name](listener.getsockname()[1])
    assert 1.4 < decoding.decode(made(tmp_path, name, data), max_seconds=60).seconds < 3.2


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused_by_name(name: str, tmp_path: Path, listener: socket.socket):
    code, maker = REFUSED[name]
    with pytest.raises(AudioError) as caught:
        decoding.decode(made(tmp_path, name, maker(listener.getsockname()[1])), max_seconds=60)
    assert caught.value.code == code
    assert str(caught.value).count(". ") == 0
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", EITHER)
def test_damage_leaves_audio_or_a_named_error(name: str, tmp_path: Path, listener: socket.socket):
    data = EITHER[name](listener.getsockname()[1])
    try:
        sound = decoding.decode(made(tmp_path, name, data), max_seconds=60)
    except AudioError as error:
        assert error.code in {"not-audio", "cannot-decode", "too-short", "silent", "too-long", "no-samples", "too-high"}
    else:
        assert 0 < sound.seconds <= 60
