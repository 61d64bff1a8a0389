"""Copies are told from what is merely alike, however many sounds there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.audio.decoding import decode
from recommender.library.copies import Known, best_first, group
from recommender.library.embedding.fingerprints import difference, fingerprint, same_recording
from tests.recommender.library.conftest import tune
from tests.support.audio import pcm16, write_audio


@pytest.mark.parametrize(("codec", "name"), [("libmp3lame", "a.mp3"), ("aac", "a.m4a"), ("libopus", "a.ogg")])
@pytest.mark.parametrize("rate", [16_000, 22_050, 32_000])
def test_an_encoding_is_the_same_recording(tmp_path: Path, codec: str, name: str, rate: int) -> None:
    sound = tune(8, 1, rate=48_000)
    original = write_audio(tmp_path / "a.wav", "pcm_s16le", rate=48_000, sound=sound)
    copy = write_audio(tmp_path / name, codec, rate=48_000, sound=sound * 0.5, bit_rate=64_000)
    prints = [fingerprint(decode(path, max_seconds=60, rate=rate).pcm, rate) for path in (original, copy)]
    assert same_recording(*prints)


def test_other_tunes_of_the_same_kind_are_not() -> None:
    prints = [fingerprint(pcm16(tune(8, seed))) for seed in range(6)]
    assert min(difference(a, b) for i, a in enumerate(prints) for b in prints[:i]) > 0.3


def test_too_little_sound_is_no_evidence() -> None:
    short = fingerprint(pcm16(tune(1, 1)))
    assert not same_recording(short, short)
    silence = fingerprint(np.zeros(160_000, np.int16))
    assert not same_recording(silence, silence)


def test_groups_among_many_of_one_length() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(700, 20)).astype(np.float32)
    known = [Known((str(place),), 4.0 + 0.0001 * place, vectors[place % 690]) for place in range(700)]
    prints = [random.integers(1, 2**32, 80, dtype=np.uint32) for _ in range(690)]
    groups = group(known, lambda place: prints[place % 690])
    assert sorted(groups)[:10] == [[place, place + 690] for place in range(10)]
    assert len(groups) == 690


def test_nothing_and_one_have_no_copies() -> None:
    one = Known(("a",), 4.0, np.ones(3, np.float32))
    assert group([], lambda _: np.empty(0, np.uint32)) == []
    assert group([one], lambda _: np.empty(0, np.uint32)) == [[0]]


def test_whole_and_lossless_files_stand_for_all() -> None:
    assert best_first(dict.fromkeys(["a.mp3", "z.flac", "b.wav"], 100)) == ["b.wav", "z.flac", "a.mp3"]
    assert best_first({"cut.wav": 50, "whole.mp3": 98, "whole.wav": 100}) == ["whole.wav", "whole.mp3", "cut.wav"]


def versions() -> dict[str, np.ndarray]:
    sound = pcm16(tune(8, 1))
    silence = np.zeros(30_123, np.int16)
    return {
        "a cut-out": sound[27_345 : 27_345 + 4 * 16_000],
        "silence before": np.concatenate([silence, sound]),
        "12 dB quieter": sound // 4,
        "all of it": np.concatenate([silence, sound[40_001:] // 4, silence]),
    }


@pytest.mark.parametrize("version", versions())
def test_a_version_of_a_recording_is_the_same(version: str) -> None:
    whole, other = pcm16(tune(8, 1)), versions()[version]
    assert same_recording(fingerprint(whole), fingerprint(other))
    assert same_recording(fingerprint(other), fingerprint(whole))
    assert not same_recording(fingerprint(pcm16(tune(8, 2))), fingerprint(other))


def test_versions_are_grouped_and_what_is_shorter_than_half_is_not() -> None:
    sound = pcm16(tune(8, 1))
    sounds = [sound, sound[16_000 : 16_000 * 6], sound[: 16_000 * 3], pcm16(tune(8, 3))]
    known = [Known((str(i),), len(pcm) / 16_000, np.ones(3, np.float32)) for i, pcm in enumerate(sounds)]
    assert group(known, lambda place: fingerprint(sounds[place])) == [[0, 1], [2], [3]]


def test_what_two_recordings_only_begin_with_makes_no_copies() -> None:
    begin, first, second = (pcm16(tune(4, seed)) for seed in (1, 2, 3))
    prints = [fingerprint(np.concatenate([begin, end])) for end in (first, second)]
    assert not same_recording(*prints)
