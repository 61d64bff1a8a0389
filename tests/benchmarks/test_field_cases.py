"""Odd files are read as ffmpeg's libraries and libsndfile read them, those of the corpus and what is told of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.field_cases import LENGTH_SECONDS, Case, Level, compare, sounds
from recommender.errors import NotAudio
from tests.support.audio import write_audio

NOTHING: dict[str, Level | None] = {"ffmpeg": None, "libsndfile": None}


def test_no_file_of_the_corpus_is_read_otherwise(shared_data: Path):
    cases = {path.name: compare(path) for path in sounds(shared_data / "field-cases")}
    assert {name: found for name, case in cases.items() if (found := case.differences())} == {}
    assert len(cases) >= 20


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp3", "libmp3lame")])
def test_a_plain_file_is_read_by_three(tmp_path: Path, name: str, codec: str):
    case = compare(write_audio(tmp_path / name, codec, rate=44_100))
    assert all(case.others.values())
    assert case.differences() == []


def test_a_difference_is_told():
    same = Case(Level(3, 0.1), {**NOTHING, "ffmpeg": Level(3, 0.1)})
    assert same.differences() == []
    shorter = replace(same, own=Level(3 - 2 * LENGTH_SECONDS, 0.1))
    assert shorter.differences() == ["length differs from ffmpeg's by -0.010 s"]
    assert replace(same, own=Level(3, 0.102)).differences() == ["RMS is 1.020 times ffmpeg's"]
    assert replace(same, own=Level(3, float("nan"))).differences()
    assert replace(same, others=NOTHING).differences() == ["no other reader to compare with"]


def test_what_is_refused_must_not_sound_to_others():
    refused = Case(Level(0, 0), NOTHING, NotAudio())
    assert refused.differences() == []
    sounding = replace(refused, others={**NOTHING, "libsndfile": Level(1, 0.1)})
    assert sounding.differences() == ["refused, libsndfile reads 1.000 s 0.100000"]
