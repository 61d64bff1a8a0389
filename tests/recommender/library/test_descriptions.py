"""What a file says of itself: in the right letters, from its tags and from its name."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.audio import decoding
from recommender.audio.wav import wav_bytes
from recommender.library.building import build
from recommender.library.descriptions import FIELDS, described
from recommender.library.naming import file_labels, found_by, title_of, told_fields
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.spelling import text_of
from tests.support.audio import melody, pcm16
from tests.support.spectral import SpectralPool

LETTERS = {
    "utf-8": ["Glöckchen", "鈴の音", "Дождь"],
    "cp1251": ["Дождь\nКино", "Дождь по крыше, ночь\nЗвуки природы", "Кино", "МОСКВА 2001"],
    "cp1252": ["Glöckchen\nJörg\nGeräusch", "Für Elise", "Café", "Señor – “Olé”", "naïve", "Ça va"],
    "shift_jis": ["鈴の音", "雨の音\n効果音ライブラリ"],
    "gbk": ["雨声\n森林"],
    "euc_kr": ["빗소리\n효과음"],
    "big5": ["雨聲\n森林聲音"],
    "cp1253": ["Βροχή\nΘάλασσα"],
    "koi8_r": ["Дождь\nКино"],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in LETTERS.items() for text in texts])
def test_the_letters_of_a_text_are_told(encoding: str, text: str) -> None:
    assert text_of(text.encode(encoding)) == text


@given(st.binary(max_size=60))
def test_any_bytes_are_some_text(octets: bytes) -> None:
    assert text_of(octets).encode(errors="surrogatepass") is not None


@given(st.dictionaries(st.sampled_from(["title", "comment", "scene"]), st.text(max_size=20)), st.text(max_size=30))
def test_any_tags_and_name_are_described(metadata: dict[str, str], name: str) -> None:
    told = described(name, metadata)
    assert set(metadata) <= set(told)
    assert title_of(name or "x", told)


@pytest.mark.parametrize(
    ("name", "title", "labels"),
    [
        ("latin1_info.wav", "Jörg – Glöckchen", ("Geräusch", "Jörg")),
        ("id3v1.mp3", "Artist – Glöckchen", ("Jazz", "Artist")),
        ("cp1251.mp3", "Кино – Дождь", ("Кино",)),
        ("AMBForst_Forest Birds Dawn_JDoe_LIB01.wav", "Forest Birds Dawn", ("Ambience", "Forest")),
    ],
)
def test_the_field_s_own_files(shared_data: Path, name: str, title: str, labels: tuple[str, ...]) -> None:
    path = shared_data / "field-cases" / "tags" / name
    told = described(name, decoding.metadata(path))
    assert (title_of(name, told), file_labels(name, told)) == (title, labels)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AMBForst-NIGHT_Owl Far_JDoe_LIB01_MKH8040.wav", ("Ambience; Forest", "JDoe", "LIB01", "Owl Far")),
        ("DOORWood_Creaky Slow_AB_Old House.wav", ("Doors; Wood", "AB", "Old House", "Creaky Slow")),
        ("RAIN_Roof_AB_X.wav", ("Rain", "AB", "X", "Roof")),
        ("UIClick_Soft 01_AB_X.flac", ("User interface; Click", "AB", "X", "Soft 01")),
        ("TRACK_one_two_three.wav", ("", "", "", "")),
        ("AMBForst_Forest.wav", ("", "", "", "")),
        ("some_old_file_name.wav", ("", "", "", "")),
    ],
)
def test_names_of_the_universal_category_system(name: str, said: tuple[str, ...]) -> None:
    told = described(f"folder/{name}", {})
    assert tuple(told.get(field, "") for field in ("category", "designer", "library", "title")) == said


def test_tags_of_iso_letters_are_read_together_and_others_left() -> None:
    wrong = {name: text.encode("cp1251").decode("latin-1") for name, text in (("title", "Дождь"), ("artist", "Кино"))}
    assert described("x.mp3", {**wrong, "comment": "鈴の音", "album": "Plain"}) == {
        "title": "Дождь",
        "artist": "Кино",
        "comment": "鈴の音",
        "album": "Plain",
        "description": "鈴の音",
    }


IXML = """<?xml version="1.0" encoding="UTF-8"?><BWFXML><PROJECT>Night shoot</PROJECT><SCENE>12A</SCENE><TAKE>3</TAKE>
<NOTE>wind &amp; trees</NOTE><ASWG><description>Owl über dem See</description><category>AMBIENCE</category>
<subCategory>FOREST</subCategory><library>Woods</library><creatorId>Ada</creatorId><fxName>Owl</fxName></ASWG></BWFXML>"""


def with_chunk(name: bytes, content: bytes) -> bytes:
    """A WAV file with a chunk behind its sound."""
    sound = wav_bytes(pcm16(melody(1)))
    body = sound[8:] + name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_ixml_names_scene_take_and_all_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(with_chunk(b"iXML", IXML.encode()))
    told = described("a.wav", decoding.metadata(path))
    assert [told[field] for field in ("description", "category", "library", "designer", "scene", "take")] == [
        *("Owl über dem See", "AMBIENCE FOREST", "Woods", "Ada", "12A", "3"),
    ]
    assert told["title"] == "Owl"
    assert "wind & trees" in told["note"]


@pytest.mark.parametrize(
    "content", [b"", b"<", b"<A>" * 1000, b"\xff\xfe<\0A\0>", b"<SCENE>\xe4</SCENE>", b"<A>&#xD800;</A>"]
)
def test_a_broken_ixml_chunk_stops_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(with_chunk(b"iXML", content))
    assert described("a.wav", decoding.metadata(path)) is not None
    path.write_bytes(with_chunk(b"iXML", content)[:-3])
    assert described("a.wav", decoding.metadata(path)) is not None


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=700)))
def test_fields_are_lines_that_can_be_read(metadata: dict[str, str]) -> None:
    for name, text in told_fields("Owl", described("a.wav", metadata)):
        assert name in FIELDS
        assert 0 < len(text) <= 500
        assert text.isprintable()
    assert told_fields("Owl", {"description": " owl\n", "take": "_", "scene": "1"}) == (("scene", "1"),)


def test_descriptions_are_found_by_their_words(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "a.wav").write_bytes(with_chunk(b"iXML", IXML.encode()))
    for number in range(3):
        (folder / f"AMBForst_Dawn {number}_JDoe_LIB.wav").write_bytes(wav_bytes(pcm16(melody(1, seed=number + 1))))
    build(folder, tmp_path / "out", SpectralPool(), progress=False)
    recommender = Recommender.open(Settings(catalogue=tmp_path / "out", _env_file=None))
    catalogue = recommender.catalogue
    try:
        assert {catalogue.clips([item])[0].title for item in catalogue.named("see owl", 5)} == {"Owl"}
        assert {catalogue.clips([item])[0].title for item in catalogue.named("jdoe", 5)} == {
            f"Dawn {i}" for i in range(3)
        }
        assert set(catalogue.label_counts()) >= {"Ambience", "Forest"}
        assert dict(catalogue.clip("a.wav").fields) == {
            "description": "Owl über dem See", "category": "AMBIENCE FOREST", "library": "Woods", "designer": "Ada",
            "scene": "12A", "take": "3", "loudness": catalogue.clip("a.wav").fields[-1][1],
        }  # fmt: skip
        assert dict(catalogue.clip("AMBForst_Dawn 1_JDoe_LIB.wav").fields) == {
            "category": "Ambience; Forest", "designer": "JDoe", "library": "LIB",
            "loudness": catalogue.clip("AMBForst_Dawn 1_JDoe_LIB.wav").fields[-1][1],
        }  # fmt: skip
    finally:
        recommender.close()
    assert "12A" in found_by(["a.wav"], described("a.wav", {"scene": "12A"}))
