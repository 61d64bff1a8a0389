"""Names for people and ids for machines."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from recommender.clips import clip_id
from recommender.library.naming import clip_labels, file_labels, one_spelling, shared_folders, title_of

TEXT = st.text(max_size=200)


def test_titles() -> None:
    assert title_of("a/My_song 1.wav", {}) == "My song 1"
    assert title_of("a/x.wav", {"title": "So What", "artist": "Miles Davis"}) == "Miles Davis – So What"
    assert title_of("a/x.wav", {"title": " So\nWhat ", "artist": "Unknown Artist"}) == "So What"
    assert title_of("a/x.wav", {"artist": "Miles Davis"}) == "x"


def test_labels() -> None:
    metadata = {"genre": "Jazz; Modal / jazz", "artist": "Miles Davis"}
    assert file_labels("01 - Music/Jazz/x.wav", metadata) == ("Music", "Jazz", "Modal", "Miles Davis")
    assert file_labels("80s/x.wav", {}) == ("80s",)
    assert file_labels("a/b/c/x.wav", {}, shared=2) == ("c",)
    tags = [("jazz", 0.9), ("piano", 0.1), ("calm", 0.3), ("slow", 0.5), ("blue", 0.4)]
    assert clip_labels(("Jazz",), tags) == ("Jazz", "slow", "blue")


def test_folders_that_all_files_share_tell_nothing() -> None:
    assert shared_folders(["a/b/x.wav", "a/b/c/y.wav"]) == 2
    assert shared_folders(["a/b/x.wav", "a/c/y.wav", "a/bb/z.wav"]) == 1
    assert shared_folders(["x.wav", "a/y.wav"]) == 0
    assert shared_folders([]) == 0


def test_one_spelling_wins() -> None:
    assert one_spelling([("Rain",), ("rain",), ("Rain", "Wind")]) == {"Rain": "Rain", "rain": "Rain", "Wind": "Wind"}


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.floats(0, 1e6))
def test_ids_look_like_those_of_videos(path: str, start: float) -> None:
    assert re.fullmatch(r"[\w-]{11}_\d+", clip_id(path, start), re.ASCII)


@given(TEXT, st.dictionaries(st.sampled_from(["title", "artist", "genre"]), TEXT))
def test_names_are_printable_short_and_distinct(path: str, metadata: dict[str, str]) -> None:
    title = title_of(f"x{path}", metadata)
    labels = file_labels(path, metadata)
    assert title
    assert all(text.isprintable() and len(text) <= 150 for text in (title, *labels))
    assert all(labels)
    assert len({label.casefold() for label in labels}) == len(labels)
