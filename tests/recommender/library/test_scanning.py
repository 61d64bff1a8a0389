"""What is found in a folder, and what is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recommender.library.scanning import scan


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_audio_is_told_by_name_then_by_content(tmp_path: Path) -> None:
    for name in ("b.WAV", "a/x.mp3", "a/.hidden.wav", ".git/y.wav", "cover.jpg", "readme.txt", "empty.dat"):
        touch(tmp_path / name, b"" if name == "empty.dat" else b"x")
    touch(tmp_path / "voice message", b"\0\0\0\x20ftypM4A ")
    touch(tmp_path / "picture.webp", b"RIFF....WEBP")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["a/x.mp3", "b.WAV", "voice message"]
    assert found.other == {".jpg": 1, ".txt": 1, ".dat": 1, ".webp": 1}


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "library" / "z" / "x.wav")
    touch(tmp_path / "elsewhere" / "y.wav")
    library = tmp_path / "library"
    (library / "loop").symlink_to(library)
    (library / "away").symlink_to(tmp_path / "elsewhere")
    (library / "again").symlink_to(tmp_path / "elsewhere")
    (library / "a.wav").symlink_to(library / "z" / "x.wav")
    (library / "gone.wav").symlink_to(library / "nowhere.wav")
    (library / "b.wav").symlink_to(tmp_path / "elsewhere" / "y.wav")
    (library / "z" / "up").symlink_to("../../elsewhere")
    found = scan(library, follow_links=True)
    assert [file.path for file in found.files] == ["z/up/y.wav", "z/x.wav"]
    assert (list(found.unreadable), found.outside) == (["gone.wav"], [])
    found = scan(library)
    assert [file.path for file in found.files] == ["z/x.wav"]
    assert sorted(found.outside) == ["again", "away", "b.wav", "z/up"]
    assert list(found.unreadable) == ["gone.wav"]


def test_a_library_may_itself_be_a_link_and_hold_links_into_itself(tmp_path: Path) -> None:
    touch(tmp_path / "real" / "a" / "x.wav")
    (tmp_path / "real" / "b").symlink_to(tmp_path / "real" / "a" / "nested")
    touch(tmp_path / "real" / "a" / "nested" / "y.wav")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = scan(tmp_path / "link")
    assert [file.path for file in found.files] == ["a/nested/y.wav", "a/x.wav"]
    assert found.outside == []


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_no_text_is_told_and_stops_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "good.wav")
    try:
        (tmp_path / os.fsdecode(b"bad\xff.wav")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["good.wav"]
    assert list(found.unreadable.values()) == ["the name is not valid UTF-8"]


def test_a_link_that_leads_in_a_circle_is_told_and_stops_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "good.wav")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["good.wav"]
    assert list(found.unreadable) == ["circle"]
