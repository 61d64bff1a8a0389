"""Loudness, tempo and key: as files tell them, as people ask for them, and as filters of a library."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.audio import decoding
from recommender.audio.wav import wav_bytes
from recommender.catalogue.measures import KEY, MEASURED, Bound, as_asked, bounds_in, key_number, measured, number_of
from recommender.errors import BadQuery
from recommender.library.building import build
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.recommender.library.conftest import write_song
from tests.recommender.library.test_descriptions import with_chunk
from tests.support.spectral import SpectralPool

INF = math.inf


@pytest.mark.parametrize(
    ("name", "tags", "told"),
    [
        ("a", {MEASURED: "-18.26", "replaygain_track_gain": "3 dB"}, {"loudness": "-18.3 LUFS"}),
        ("a", {"replaygain_track_gain": "-6.50 dB"}, {"loudness": "-11.5 LUFS"}),
        ("a", {"r128_track_gain": "-512"}, {"loudness": "-21.0 LUFS"}),
        ("a", {"tbpm": "127.98", "initialkey": "F#m"}, {"tempo": "128 BPM", "key": "F#m"}),
        ("a", {"bpm": "0", "acid_tempo": "92.5", "tkey": "8A"}, {"tempo": "92.5 BPM", "key": "Am"}),
        ("Loop_120BPM_dry", {"tkey": "o", "key": "Bb major"}, {"tempo": "120 BPM", "key": "A#"}),
        ("Bus 7 bpmx 1.120bpm", {"bpm": "fast", "key": "the way", MEASURED: "-70.0"}, {}),
    ],
)
def test_what_tags_and_names_tell(name: str, tags: dict[str, str], told: dict[str, str]) -> None:
    assert measured(name, tags) == told


@pytest.mark.parametrize(
    ("spellings", "number"),
    [(["C", "8B", "1d", "Cmaj", "C Major"], 0), (["Am", "A minor", "8A", "08A", "1m", "a-min"], 19),
     (["Gb", "F#", "F♯ major", "2B"], 12), (["Ebm", "D#m", "2A"], 7), (["", "H", "o", "13A", "Amx"], None)],
)  # fmt: skip
def test_keys_in_all_their_spellings(spellings: list[str], number: int | None) -> None:
    assert [key_number(text) for text in spellings] == [number] * len(spellings)


@pytest.mark.parametrize(
    ("typed", "rest", "told"),
    [
        ("rain louder -20", "rain", (("loudness", -20, INF),)),
        ("louder than -30 LUFS rain quieter −20dB", "rain", (("loudness", -30, -20),)),
        ("loop tempo 120-90 bpm only Drums", "loop   only Drums", (("tempo", 90, 120),)),
        ("loop tempo 120 key Am", "loop", (("key", 19, 19), ("tempo", 119.5, 120.5))),
        ("pad key of f# minor", "pad", (("key", 13, 13),)),
        ("KEY B flat minor rain LOUDER -20", "rain", (("key", 21, 21), ("loudness", -20, INF))),
        ("rain + louder -20, key Am, - dog", "rain     - dog", (("key", 19, 19), ("loudness", -20, INF))),
        ("car key a door", "car key a door", ()),
        ("louder drums, tempo changes, piano key", "louder drums, tempo changes, piano key", ()),
        ('"Song key Am" key C', '"Song key Am"', (("key", 0, 0),)),
        ("loops/tempo 120.wav", "loops/tempo 120.wav", ()),
    ],
)
def test_what_is_asked_for(typed: str, rest: str, told: tuple[Bound, ...]) -> None:
    assert bounds_in(typed) == (rest, told)


@pytest.mark.parametrize(("typed", "told"), [("louder 20", "say `louder -20`"), ("louder -20 quieter -30", "swap")])
def test_a_loudness_that_no_sound_has_is_refused(typed: str, told: str) -> None:
    with pytest.raises(BadQuery, match=told):
        bounds_in(f"rain {typed}")


ASKED = ["louder -20.5", "quieter -3", "- tempo 80,", "tempo 90 120", "tempo 77", "key Bb", "key c#m"]


@given(st.lists(st.sampled_from(ASKED)))
def test_bounds_are_read_as_they_were_written(asked: list[str]) -> None:
    _, told = bounds_in(" ".join(asked))
    assert bounds_in(as_asked(told)) == ("", told)


@given(st.text(max_size=40))
def test_any_text_is_some_key_or_none_and_any_question_is_read(text: str) -> None:
    assert number_of(KEY, text) in {None, *range(24)}
    assert bounds_in(f"rain {text.replace('louder', '').replace('quieter', '')}")[0]


@pytest.mark.parametrize(("level", "seconds", "loudness"), [(0, 3, -3.0), (-20, 3, -23.0), (-20, 0.25, -26.0)])
def test_loudness_is_that_of_bs1770(tmp_path: Path, level: float, seconds: float, loudness: float) -> None:
    """997 Hz at full scale are -3.01 LUFS (ITU-R BS.1770-4, annex 1); half a second that is half silence is 3 less."""
    sine = 32767 * 10 ** (level / 20) * np.sin(2 * np.pi * 997 * np.arange(int(16000 * seconds)) / 16000)
    (tmp_path / "a.wav").write_bytes(wav_bytes(sine.astype(np.int16)))
    blocks = decoding.decode_blocks(tmp_path / "a.wav", block_seconds=10)
    assert sum(map(len, blocks)) == len(sine)
    assert blocks.loudness == pytest.approx(loudness, abs=0.5 if seconds < 1 else 0.1)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(np.zeros(16000, np.int16)))
    blocks = decoding.decode_blocks(tmp_path / "a.wav", block_seconds=10)
    assert (sum(map(len, blocks)), blocks.loudness) == (16000, None)


@pytest.mark.parametrize(("flags", "told"), [(0, {"tempo": "87.5 BPM"}), (1, {})])
def test_loops_tell_their_tempo_in_the_acid_chunk(tmp_path: Path, flags: int, told: dict[str, str]) -> None:
    content = struct.pack("<IHHfIHHf", flags, 60, 0x8000, 0, 4, 4, 4, 87.5)
    (tmp_path / "a.wav").write_bytes(with_chunk(b"acid", content))
    assert measured("a", decoding.metadata(tmp_path / "a.wav")) == told
    (tmp_path / "a.wav").write_bytes(with_chunk(b"acid", content)[:-3])
    assert measured("a", decoding.metadata(tmp_path / "a.wav")) == {}


def test_a_library_is_filtered_by_them_alone_and_among_several(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    for number in range(6):
        path = write_song(folder / f"loop {number} {90 + 10 * number}bpm.wav", 2, number)
        if number < 3:
            pcm = np.frombuffer(path.read_bytes()[44:], np.int16)
            path.write_bytes(wav_bytes((pcm // 30).astype(np.int16)))
    build(folder, tmp_path / "out", SpectralPool(), progress=False)
    # Of two libraries one knows no tempo.
    plain = tmp_path / "plain"
    for number in range(6):
        write_song(plain / f"song {number}.wav", 2, number)
    build(plain, tmp_path / "other", SpectralPool(), progress=False)

    def found(place: str, asked: str, query: str) -> set[str]:
        recommender = Recommender.open(Settings(catalogue=place, _env_file=None))
        try:
            answer = recommender.similar(query, top=20, told=bounds_in(asked)[1])
            return {result.clip.title.split()[1] for result in answer.results}
        finally:
            recommender.close()

    for place, query in ((f"{tmp_path / 'out'}", "#5"), (f"{tmp_path / 'out'},{tmp_path / 'other'}", "#5")):
        assert found(place, "tempo 95 125", query) == {"1", "2", "3"}
        assert found(place, "tempo 200", query) == set()
    assert found(str(tmp_path / "out"), "quieter -30", "#5") == {"0", "1", "2"}
    assert found(str(tmp_path / "out"), "louder -30 tempo 120 200", "#5") == {"3", "4"}
    with pytest.raises(BadQuery, match="knows no tempo of its clips"):
        found(str(tmp_path / "other"), "tempo 120", "#1")
    shutil.rmtree(tmp_path / "other")


@pytest.mark.parametrize("note", ["A", "D", "Bb", "F#", "c"])
@pytest.mark.parametrize(
    ("mode", "minor"), [(" minor", 1), (" major", 0), (" Min", 1), (" maj", 0), ("m", 1), ("M", 0)]
)
def test_a_mode_apart_from_its_note_belongs_to_the_key(note: str, mode: str, minor: int) -> None:
    rest, (bound,) = bounds_in(f"rain key {note}{mode}")
    assert rest == "rain"
    assert bound[1] % 2 == minor


def test_the_slowest_tempo_is_read_as_it_is_written() -> None:
    _, bounds = bounds_in("tempo 0")
    assert bounds_in(as_asked(bounds))[1] == bounds
