"""A stretch of a file to be played, in the file's own quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.audio.wav import HEADER_BYTES, read_wav, wav_bytes
from recommender.errors import CannotRead, NotAudio
from tests.support.audio import melody, pcm16


def written(path: Path, samples: np.ndarray, rate: int) -> Path:
    path.write_bytes(wav_bytes(samples, rate))
    return path


def test_stereo_is_cut_to_the_sample(tmp_path: Path) -> None:
    left, right = pcm16(melody(3, 44_100, seed=1)), pcm16(melody(3, 44_100, seed=2))
    stereo = np.stack((left, right), axis=1)
    path = written(tmp_path / "a.wav", stereo, 44_100)
    samples, rate = read_wav(decoding.excerpt(path, 0.5, 2.25))
    assert rate == 44_100
    assert np.array_equal(samples, stereo[22_050 : round(2.25 * 44_100)])


def test_what_players_do_not_take_is_brought_down(tmp_path: Path) -> None:
    surround = np.repeat(pcm16(melody(2, 96_000))[:, None], 6, axis=1)
    samples, rate = read_wav(decoding.excerpt(written(tmp_path / "a.wav", surround, 96_000), 1.0, 1.5))
    assert (rate, samples.shape) == (48_000, (24_000, 2))
    assert np.abs(samples).max() > 3000


@pytest.mark.parametrize(("start", "end", "seconds"), [(0, 9, 2), (1.5, 9, 0.5), (2, 9, 0), (7, 9, 0)])
def test_a_file_that_ends_before(tmp_path: Path, start: float, end: float, seconds: float) -> None:
    path = written(tmp_path / "a.wav", pcm16(melody(2)), 16_000)
    found = decoding.excerpt(path, start, end)
    assert len(found) == HEADER_BYTES + 2 * 16_000 * seconds


def test_what_is_no_audio(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"<html>")
    with pytest.raises(NotAudio):
        decoding.excerpt(tmp_path / "a.wav", 0, 1)
    with pytest.raises(CannotRead, match="no file"):
        decoding.excerpt(tmp_path / "b.wav", 0, 1)
