"""A file is found by the name that its owner knows, however the disk spells it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
import requests

from recommender.catalogue.links import FILES, link_of
from recommender.errors import UnknownClip
from recommender.library.building import build
from recommender.library.excerpts import excerpt
from recommender.recommender import Recommender
from recommender.settings import Settings
from recommender.spelling import as_typed, shown
from tests.recommender.library.conftest import write_song
from tests.support.spectral import SpectralPool

NFC, NFD = (unicodedata.normalize(form, "Glöckchen é.wav") for form in ("NFC", "NFD"))
LATIN1 = "Türen/Glöckchen.wav".encode("latin-1")
SHIFT_JIS = "鈴.wav".encode("shift_jis")


@pytest.fixture
def opened(tmp_path: Path) -> Recommender:
    """A library with names of all kinds."""
    folder = tmp_path / "music"
    for number, name in enumerate((NFD, "plain.wav", "two\nlines.wav", "Loops/Dark Rain 120bpm.wav")):
        write_song(folder / name, 2, number)
    for number, octets in enumerate((LATIN1, SHIFT_JIS), 10):
        try:
            write_song(folder / os.fsdecode(octets), 2, number)
        except OSError:
            pytest.skip("this file system takes UTF-8 names alone")
    report = build(folder, tmp_path / "out", SpectralPool(), progress=False)
    assert (report.indexed, report.failures) == (6, [])
    return Recommender.open(Settings(catalogue=tmp_path / "out", _env_file=None))


@pytest.mark.parametrize(
    "name", [NFC, NFD, r"two\nlines.wav", "two\nlines.wav", r"T\xfcren/Gl\xf6ckchen.wav", r"\x97\xe9.wav"]
)
def test_a_name_is_found_as_it_is_typed_and_as_it_is_shown(opened: Recommender, name: str) -> None:
    clip = opened.clip(name)
    assert opened.clip(shown(clip.source)) == clip
    assert opened.similar(shown(clip.source)).seeds[0] == clip
    assert excerpt(opened.catalogue, clip)


def test_titles_and_labels_of_bytes_are_text(opened: Recommender) -> None:
    clip = opened.clip(r"T\xfcren/Gl\xf6ckchen.wav")
    assert (clip.title, clip.labels[0]) == ("Glöckchen", "Türen")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("plian.wav", "plain.wav"),
        ("Glockchen e.wav", NFD),
        ("Loops/Dark Rian 120bpm.wav", "Loops/Dark Rain 120bpm.wav"),
        ("Dark Rain 120", "Loops/Dark Rain 120bpm.wav"),
    ],
)
def test_paths_and_titles_are_suggested(opened: Recommender, typed: str, meant: str) -> None:
    with pytest.raises(UnknownClip) as caught:
        opened.clip(typed)
    assert caught.value.suggestions[0] == meant
    assert "Did you mean" in str(caught.value)


def test_links_name_the_bytes_on_the_disk() -> None:
    assert link_of(FILES, "http://x/y/", r"T\xfcren/é 1.wav", 0, 10) == "http://x/y/T%FCren/%C3%A9%201.wav#t=0,10"
    assert requests.Request("GET", "http://x/T%FCren").prepare().url == "http://x/T%FCren"


def test_what_may_be_meant_is_text() -> None:
    assert list(as_typed(r"\ud800")) == [r"\ud800"]
    assert list(as_typed("plain.wav")) == ["plain.wav"]
