"""Results as CSV and M3U8, whatever the names are."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from recommender.answers import Answer, Result
from recommender.catalogue.measures import MEASURES
from recommender.clips import Clip
from recommender.library.descriptions import TEXTS
from recommender.search.listings import COLUMNS, FORMULA, as_csv, as_m3u8

ROOT = {"": Path("/sounds")}


def answer(*clips: Clip) -> Answer:
    results = tuple(Result(rank, clip, -0.25) for rank, clip in enumerate(clips, 1))
    return Answer("q", "c", (), (), results, False)


def clip(source: str = "Loops/a.wav", title: str = "a", label: str = "Rain", url: str | None = None) -> Clip:
    return Clip(1, "AAAAAAAAAAA_0", source, 1.5, 11.5, (label, "Wind"), title, url)


def test_a_table_has_paths_within_the_library_and_on_this_machine():
    (row,) = csv.DictReader(io.StringIO(as_csv([("rain", answer(clip()))], ROOT)))
    assert row == {
        "query": "rain", "rank": "1", "similarity": "-0.2500", "title": "a", "start": "1.5", "end": "11.5",
        "labels": "Rain; Wind", "path": "Loops/a.wav", "file": "/sounds/Loops/a.wav", "url": "",
        "clip_id": "AAAAAAAAAAA_0", "description": "", "category": "", "library": "", "designer": "", "scene": "",
        "take": "", "key": "", "loudness": "", "tempo": "",
    }  # fmt: skip


def test_a_table_has_what_the_files_say_of_themselves():
    measures = ("loudness", "-16.6 LUFS"), ("tempo", "120 BPM"), ("key", "Am")
    said = replace(clip(), fields=(("description", "=an owl"), ("take", "3"), *measures))
    (row,) = csv.DictReader(io.StringIO(as_csv([("rain", answer(said))], ROOT)))
    assert [row[name] for name in TEXTS] == ["'=an owl", "", "", "", "", "3"]
    assert [row[name] for name in MEASURES] == ["-16.6", "120.0", "Am"]


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["=1+1", "+1", "-1", "@a", "\tx", "\r="]))
def test_no_name_is_a_formula_and_none_breaks_the_table(query: str, title: str, formula: str):
    named = clip(title=title, label=formula, source=formula)
    rows = list(csv.reader(io.StringIO(as_csv([(query, answer(named, clip()))], ROOT), newline="")))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 3
    assert not any(cell.startswith(FORMULA) for row in rows for cell in row if cell != "-0.2500")


@given(st.text(max_size=30))
def test_a_playlist_has_three_lines_a_clip(title: str):
    lines = as_m3u8(answer(clip(title=title)).results, ROOT).split("\n")
    assert len(lines) == 5
    assert lines[2:] == ["#EXTVLCOPT:start-time=1.5", "/sounds/Loops/a.wav", ""]


def test_a_playlist_of_links_leaves_out_what_has_none():
    results = answer(clip(url="https://youtu.be/a?t=1"), clip()).results
    assert as_m3u8(results).splitlines()[3:] == ["https://youtu.be/a?t=1"]
    assert as_m3u8(results, ROOT, absolute=False).splitlines()[3] == "Loops/a.wav"


def test_each_of_several_libraries_has_its_own_folder():
    ours = replace(clip("SFX/Loops/a.wav"), catalogue="SFX")
    video = replace(clip("AAAAAAAAAAA", url="https://youtu.be/AAAAAAAAAAA?t=1"), catalogue="AudioSet")
    found, roots = answer(ours, video), {"SFX": Path("/sounds")}
    rows = list(csv.DictReader(io.StringIO(as_csv([("rain", found)], roots))))
    assert [(row["path"], row["file"]) for row in rows] == [("SFX/Loops/a.wav", "/sounds/Loops/a.wav"), ("", "")]
    assert as_m3u8(found.results, roots).splitlines()[3::3] == ["/sounds/Loops/a.wav", video.url]
