"""What is taken for sound, by its name or by how it begins, and what is not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from recommender.audio import decoding
from recommender.audio.formats import MEDIA_SUFFIXES, OTHER_SUFFIXES, looks_like_media
from recommender.errors import AudioError, CannotDecode, NotAudio
from recommender.library.scanning import scan
from tests.support.audio import write_audio

PICTURE = {"rate": 48_000, "picture": "mpeg2video"}
KINDS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("voc", "pcm_u8", "voc", {}),
    ("ra", "real_144", "rm", {"rate": 8_000}),
    ("rm", "ac3", "rm", {}),
    ("adx", "adpcm_adx", "adx", {}),
    ("eac3", "eac3", "eac3", {}),
    ("ts", "aac", "mpegts", {}),
    ("m2ts", "ac3", "mpegts", {}),
    ("mxf", "pcm_s16le", "mxf", PICTURE),
    ("w64", "pcm_s16le", "w64", {}),
    ("ircam", "pcm_s16le", "ircam", {}),
    ("sox", "pcm_s32le", "sox", {}),
    ("vob", "mp2", "vob", {}),
    ("nut", "pcm_s16le", "nut", {}),
    ("3g2", "aac", "3g2", {}),
    ("ast", "pcm_s16be_planar", "ast", {}),
]


@pytest.mark.parametrize(("suffix", "codec", "muxer", "options"), KINDS)
def test_what_the_decoder_reads_is_found_and_read(
    tmp_path: Path, suffix: str, codec: str, muxer: str, options: dict[str, Any]
) -> None:
    path = write_audio(tmp_path / f"a.{suffix}", codec, container=muxer, **options)
    assert [file.path for file in scan(tmp_path).files] == [path.name]
    assert decoding.decode(path, max_seconds=10).seconds == pytest.approx(1.5, abs=0.1)


def test_gsm_has_no_header_and_is_taken_by_its_name(tmp_path: Path) -> None:
    noise = random.Random(0)
    frames = [bytes([0xD0 | noise.randrange(16), *noise.randbytes(32)]) for _ in range(100)]
    (tmp_path / "a.gsm").write_bytes(b"".join(frames))
    assert len(scan(tmp_path).files) == 1
    assert decoding.decode(tmp_path / "a.gsm", max_seconds=10).seconds == pytest.approx(2)


NOT_SOUND = {
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400),
    "avif": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1" + bytes(400),
    "sf2": b"RIFF\x10\x27\0\0sfbkLIST" + bytes(400),
    "cpr": b"RIFF\x10\x27\0\0NUNDROOT" + bytes(400),
    "webp": b"RIFF\x10\x27\0\0WEBPVP8 " + bytes(400),
    "rmi": b"RIFF\x10\x27\0\0RMIDdata" + bytes(400),
    "iff": b"FORM\0\0\x10\0ILBMBMHD" + bytes(400),
    "tsx": b"Good morning, this is TypeScript.\n" * 20,
}


@pytest.mark.parametrize("kind", NOT_SOUND)
@pytest.mark.parametrize("name", ["a", "a.unknown", "a.{}", "a.wav"])
def test_what_begins_like_sound_and_is_none_is_not_called_broken(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name.format(kind)
    path.write_bytes(NOT_SOUND[kind])
    found = scan(tmp_path)
    named = path.suffix in MEDIA_SUFFIXES
    assert len(found.files) == named and found.other.total() == (not named)
    with pytest.raises(NotAudio):
        decoding.decode(path, max_seconds=10)


def test_what_means_to_be_sound_and_is_broken_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for data in (b"RIFF\x10\x27\0\0WAVEfmt ", b"RIFF", b"OggS" + bytes(40), b".ra\xfd" + bytes(40)):
        path.write_bytes(data)
        with pytest.raises(CannotDecode):
            decoding.decode(path, max_seconds=10)


def test_any_beginning_can_be_looked_at() -> None:
    for size in (0, 1, 4, 8, 11, 12, 189, 377):
        assert looks_like_media(b"G" * size) == (size == 377)
        assert not looks_like_media(bytes(size))


def test_suffixes_are_of_one_kind_and_broken_files_of_each_are_refused(tmp_path: Path) -> None:
    assert not MEDIA_SUFFIXES & OTHER_SUFFIXES
    path = tmp_path / "a.adx"
    path.write_bytes(b"\x80\0 and nothing more")
    with pytest.raises(AudioError):
        decoding.decode(path, max_seconds=10)
