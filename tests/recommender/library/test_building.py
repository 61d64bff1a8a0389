"""A library becomes a catalogue, and stays in step with its folder."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from recommender.clips import clip_id, file_id
from recommender.errors import BuildFailed
from recommender.library.building import build
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.recommender.library.conftest import tune, write_song
from tests.support.audio import write_audio
from tests.support.catalogues import clustered, write
from tests.support.spectral import SpectralPool


def answers(out: Path) -> dict[str, list[tuple[str, tuple[str, ...], float]]]:
    """Everything the catalogue answers, by path."""
    recommender = Recommender.open(Settings(catalogue=out, _env_file=None))
    try:
        found = {}
        for clip, _ in recommender.catalogue.all_clips():
            answer = recommender.similar(clip.clip_id, top=50)
            found[clip.clip_id] = [(r.clip.clip_id, r.clip.labels, round(r.similarity, 6)) for r in answer.results]
        return found
    finally:
        recommender.close()


def test_files_become_clips_with_titles_and_labels(music: Path, tmp_path: Path) -> None:
    report = build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert (report.indexed, report.clips, report.embedded, report.copies) == (8, 5 + 2 + 3, 8, 0)
    assert report.seconds == pytest.approx(5 * 4 + 2 * 12 + 31)
    recommender = Recommender.open(Settings(catalogue=tmp_path / "out", library_url="https://x.y/z", _env_file=None))
    clip = recommender.clip(clip_id("Songs/long.wav", 10))
    assert (clip.start, clip.end, clip.source, clip.title) == (10, 20, "Songs/long.wav", "long")
    assert clip.labels[0] == "Songs"
    assert clip.url == "https://x.y/z/Songs/long.wav#t=10,20"
    assert recommender.clip("Songs/long.wav").start == 0
    assert len(file_id("Songs/long.wav")) == 11
    answer = recommender.similar("Songs/long.wav", only=["songs"])
    assert {result.clip.source for result in answer.results} == {"Songs/song_0.wav", "Songs/song_1.wav"}
    recommender.close()


def test_a_second_build_embeds_nothing_and_writes_nothing(music: Path, tmp_path: Path) -> None:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    before = (tmp_path / "out" / "manifest.json").stat().st_mtime_ns
    pool = SpectralPool()
    report = build(music, tmp_path / "out", pool, progress=False)
    assert (pool.embedded_rows, report.written, report.clips, report.indexed) == (0, False, 10, 8)
    assert (tmp_path / "out" / "manifest.json").stat().st_mtime_ns == before


def test_after_changes_only_what_is_new_is_embedded_and_answers_are_those_of_a_full_build(
    music: Path, tmp_path: Path
) -> None:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    write_song(music / "Loops" / "added.wav", 4, 77)
    write_song(music / "Loops" / "loop 0.wav", 4, 78)
    (music / "Other").mkdir()
    (music / "Songs" / "song_0.wav").rename(music / "Other" / "moved.wav")
    (music / "Loops" / "loop 1.wav").unlink()
    report = build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert (report.embedded, report.written, report.indexed) == (2, True, 8)
    full = build(music, tmp_path / "full", SpectralPool(), progress=False)
    assert full.embedded == 8
    assert answers(tmp_path / "out") == answers(tmp_path / "full")
    vectors = [np.load(tmp_path / name / "vectors.npy") for name in ("out", "full")]
    assert np.array_equal(*vectors)


def test_a_change_that_keeps_size_and_time_of_modification_is_noticed(music: Path, tmp_path: Path) -> None:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    path = music / "Loops" / "loop 0.wav"
    times = path.stat()
    write_song(path, 4, 99)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert build(music, tmp_path / "out", SpectralPool(), progress=False).embedded == 1


def test_copies_collapse_and_are_counted(music: Path, tmp_path: Path) -> None:
    sound = tune(12, 50, rate=48_000)
    write_audio(music / "a.flac", "flac", rate=48_000, sound=sound)
    write_audio(music / "a.ogg", "libopus", rate=48_000, sound=sound)
    write_audio(music / "a.mp3", "libmp3lame", rate=48_000, sound=sound, bit_rate=64_000)
    shutil.copy(music / "a.ogg", music / "b.ogg")
    report = build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert (report.indexed, report.recordings, report.copies) == (12, 9, 3)
    extra = json.loads((tmp_path / "out" / "manifest.json").read_text())["extra"]
    assert extra["copies"] == {"a.flac": ["a.mp3", "a.ogg", "b.ogg"]}


def test_what_fails_is_told_and_not_tried_again_until_it_changes(music: Path, tmp_path: Path) -> None:
    (music / "broken.mp3").write_bytes(b"ID3" + b"\x00" * 400)
    (music / "notes.txt").write_text("no sound")
    (music / ".hidden.wav").write_bytes(b"")
    write_audio(music / "silence.flac", "flac", sound=np.zeros(88_200, np.float32))
    out = tmp_path / "out"
    report = build(music, out, SpectralPool(), progress=False)
    assert {(f.path, f.code) for f in report.failures} == {("broken.mp3", "cannot-decode"), ("silence.flac", "silent")}
    assert report.other == {".txt": 1}
    lines = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert [(line["path"], line["code"]) for line in lines] == [
        ("broken.mp3", "cannot-decode"),
        ("silence.flac", "silent"),
    ]
    assert all(line["cause"].endswith(".") for line in lines)

    def failed_rows() -> int:
        with sqlite3.connect(tmp_path / "out.library" / "heard.sqlite") as db:
            return int(db.execute("SELECT count(*) FROM heard WHERE error IS NOT NULL").fetchone()[0])

    assert failed_rows() == 2
    again = build(music, out, SpectralPool(), progress=False)
    assert len(again.failures) == 2
    write_song(music / "broken.mp3", 4, 60)
    assert build(music, out, SpectralPool(), progress=False).embedded == 1
    retried = build(music, out, SpectralPool(), retry_failed=True, progress=False)
    assert [f.path for f in retried.failures] == ["silence.flac"]
    assert "silent" in retried.table()


def test_nothing_to_index_is_an_error_that_keeps_the_old_catalogue(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BuildFailed, match="holds no audio files"):
        build(empty, out, SpectralPool(), progress=False)
    build(music, out, SpectralPool(), progress=False)
    shutil.rmtree(music)
    music.mkdir()
    (music / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(BuildFailed, match=r"None of the 1 audio files .*failures\.jsonl"):
        build(music, out, SpectralPool(), progress=False)
    assert answers(out)
    with pytest.raises(BuildFailed, match="is no folder"):
        build(tmp_path / "nowhere", out, SpectralPool(), progress=False)


def test_two_builds_at_once_are_refused(music: Path, tmp_path: Path) -> None:
    from recommender.library.store import Store

    store = Store(tmp_path / "out.library")
    with pytest.raises(BuildFailed, match="Another build"):
        build(music, tmp_path / "out", SpectralPool(), progress=False)
    store.close()


def test_a_memory_that_is_no_database_says_what_to_do(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out.library"
    folder.mkdir()
    (folder / "heard.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(BuildFailed, match="delete that folder"):
        build(music, tmp_path / "out", SpectralPool(), progress=False)


def test_a_copy_is_asked_by_its_own_name_and_counted_in_answers(music: Path, tmp_path: Path) -> None:
    shutil.copy(music / "Songs" / "long.wav", music / "again.wav")
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    recommender = Recommender.open(Settings(catalogue=tmp_path / "out", _env_file=None))
    assert recommender.clip("again.wav").source == "Songs/long.wav"
    assert recommender.clip(file_id("Songs/long.wav")).clip_id == clip_id("Songs/long.wav", 0)
    found = {result.clip.source: result.copies for result in recommender.similar("Songs/song_0.wav").results}
    assert found["Songs/long.wav"] == 2
    assert set(found.values()) == {1, 2}
    recommender.close()


def test_a_file_that_went_away_meanwhile_is_embedded_when_it_is_back(music: Path, tmp_path: Path) -> None:
    def away() -> None:
        with suppress(FileNotFoundError):  # two workers embed at once: the other one was first
            (music / "Songs").rename(tmp_path / "away")

    report = build(music, tmp_path / "out", SpectralPool(away), progress=False)
    gone = [failure.path for failure in report.failures]
    assert gone and {failure.code for failure in report.failures} == {"unreadable"}
    (tmp_path / "away").rename(music / "Songs")
    report = build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert (report.indexed, report.embedded, report.failures) == (8, len(gone), [])


def test_a_damaged_catalogue_is_written_again(music: Path, tmp_path: Path) -> None:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    index = tmp_path / "out" / "index.ann"
    index.chmod(0o644)
    with index.open("r+b") as file:
        file.truncate(100)
    pool = SpectralPool()
    assert build(music, tmp_path / "out", pool, progress=False).written
    assert pool.embedded_rows == 0
    assert answers(tmp_path / "out")


def test_a_memory_that_cannot_grow_is_an_error_of_ours(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("recommender.library.store.Store.keep_analysis", full)
    with pytest.raises(BuildFailed, match="disk is full"):
        build(music, tmp_path / "out", SpectralPool(), progress=False)


def test_the_catalogue_of_something_else_is_not_replaced(music: Path, tmp_path: Path) -> None:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    other = write_song(tmp_path / "other" / "a.wav", 4, 1).parent
    with pytest.raises(BuildFailed, match=r"holds the catalogue of .*music: name another folder"):
        build(other, tmp_path / "out", SpectralPool(), progress=False)
    moved = music.rename(tmp_path / "moved")
    assert not build(moved, tmp_path / "out", SpectralPool(), progress=False).embedded
    write(tmp_path / "clips", clustered(30))
    with pytest.raises(BuildFailed, match="is no library"):
        build(moved, tmp_path / "clips", SpectralPool(), progress=False)
