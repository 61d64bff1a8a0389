from __future__ import annotations

import hashlib
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.audio.wav import wav_bytes
from recommender.errors import CannotDecode, CannotRead, NotAudio, Silent, TooLong, TooShort
from tests.support.audio import melody, pcm16, write_audio


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """Three seconds of 16 kHz mono."""
    path = tmp_path / "tune.wav"
    path.write_bytes(wav_bytes(pcm16(melody(3))))
    return path


def test_16_khz_mono_comes_through_bit_by_bit(tune: Path):
    sound = decoding.decode(tune, max_seconds=10)
    np.testing.assert_array_equal(sound.pcm, pcm16(melody(3)))
    assert sound.seconds == 3


def test_channels_are_averaged(tmp_path: Path):
    left, right = melody(1, seed=1), melody(1, seed=2)
    path = write_audio(tmp_path / "a.wav", "pcm_s16le", rate=16_000, channels=2, sound=np.stack([left, right]))
    sound = decoding.decode(path, max_seconds=10).pcm
    np.testing.assert_allclose(sound / 32_768, (left + right) / 2, atol=1e-4)


def test_surround_channels_weigh_the_same(tmp_path: Path):
    voices = np.stack([melody(1, seed=n) for n in range(6)])
    path = write_audio(tmp_path / "a.wav", "pcm_f32le", rate=16_000, channels=6, sound=voices)
    np.testing.assert_allclose(decoding.decode(path, max_seconds=10).pcm / 32_768, voices.mean(0), atol=1e-4)


def test_longer_than_the_limit_says_so(tune: Path):
    assert decoding.decode(tune, max_seconds=3).seconds == 3
    with pytest.raises(TooLong, match="longer than 2 seconds: send the part"):
        decoding.decode(tune, max_seconds=2)


def test_limit_is_spoken_in_minutes(tmp_path: Path):
    path = tmp_path / "long.wav"
    path.write_bytes(wav_bytes(np.resize(pcm16(melody(3)), 16_000 * 301)))
    with pytest.raises(TooLong, match="longer than 5 minutes"):
        decoding.decode(path, max_seconds=300)


@pytest.mark.parametrize("seconds", [0.5, 0.7, 10])
def test_blocks_join_to_the_whole(tune: Path, seconds: float):
    blocks = list(decoding.decode_blocks(tune, block_seconds=seconds))
    assert {len(block) for block in blocks[:-1]} <= {round(seconds * 16_000)}
    assert 0 < len(blocks[-1]) <= round(seconds * 16_000)
    np.testing.assert_array_equal(np.concatenate(blocks), decoding.decode(tune, max_seconds=10).pcm)


def test_blocks_may_be_left_unread(tune: Path):
    for _ in range(3):
        blocks = decoding.decode_blocks(tune, block_seconds=0.1)
        next(blocks)
        blocks.close()
    assert decoding.decode(tune, max_seconds=10).seconds == 3


def test_silent_blocks_are_no_error(tmp_path: Path):
    path = tmp_path / "gap.wav"
    path.write_bytes(wav_bytes(np.concatenate([pcm16(melody(1)), np.zeros(16_000, np.int16)])))
    assert [decoding.is_silent(block) for block in decoding.decode_blocks(path, block_seconds=1)] == [False, True]


def test_a_rate_that_changes_on_the_way(tmp_path: Path):
    parts = [write_audio(tmp_path / f"{rate}.mp3", "mp3", rate=rate, seconds=1) for rate in (44_100, 22_050)]
    both = tmp_path / "both.mp3"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert decoding.decode(both, max_seconds=10).seconds == pytest.approx(2, abs=0.2)


def test_a_name_decides_nothing(tmp_path: Path, tune: Path):
    for name in ("a.txt", "b.m3u8", "-c", "d e%03d.png", "http:e", "ü"):
        copy = tmp_path / name
        copy.write_bytes(tune.read_bytes())
        assert decoding.decode(copy, max_seconds=10).seconds == 3


def test_relative_paths(tune: Path, monkeypatch: pytest.MonkeyPatch):
    decoding.warm()
    monkeypatch.chdir(tune.parent)
    assert decoding.decode(Path(tune.name), max_seconds=10).seconds == 3


def test_a_missing_file_or_a_folder(tmp_path: Path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(CannotRead, match="There is no file"):
            decoding.decode(path, max_seconds=10)


def test_many_threads_at_once(tune: Path, tmp_path: Path):
    bad = tmp_path / "bad.txt"
    bad.write_text("no audio\n" * 20)

    def one(number: int) -> float:
        if number % 3:
            return decoding.decode(tune, max_seconds=10).seconds
        with pytest.raises(NotAudio):
            decoding.decode(bad, max_seconds=10)
        return 3

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(one, range(16))) == {3}


def test_sha256_is_of_the_bytes(tune: Path):
    assert decoding.sha256_of(tune) == hashlib.sha256(tune.read_bytes()).hexdigest()


def test_audible():
    decoding.require_audible(pcm16(melody(0.005)))
    with pytest.raises(TooShort, match=r"lasts 0\.0 ms"):
        decoding.require_audible(np.empty(0, np.int16))
    with pytest.raises(TooShort, match=r"lasts 4\.0 ms: send at least 5 ms"):
        decoding.require_audible(pcm16(melody(0.004)))
    quiet = np.resize(np.array([-6, 6], np.int16), 16_000)
    with pytest.raises(Silent):
        decoding.require_audible(quiet)
    decoding.require_audible(quiet * np.int16(2))


def test_damage_after_a_good_part_ends_the_audio_there(tmp_path: Path):
    path = tmp_path / "cut.flac"
    path.write_bytes(write_audio(tmp_path / "whole.flac", "flac", seconds=4).read_bytes()[:-20_000])
    assert 0.5 < decoding.decode(path, max_seconds=10).seconds < 4


def test_header_that_claims_more_than_memory(tmp_path: Path):
    path = tmp_path / "vast.au"
    path.write_bytes(struct.pack(">4sIIIII", b".snd", 0x7FFFFFF0, 0xFFFFFFFF, 3, 16_000, 1) + bytes(100))
    with pytest.raises((CannotDecode, NotAudio)):
        decoding.decode(path, max_seconds=10)
