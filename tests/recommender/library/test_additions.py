"""What people add is in the library's folder and in the next answer."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.local.journal import JOURNAL
from recommender.clips import Clip, clip_id, file_id
from recommender.embedders.local import LocalEmbedder
from recommender.errors import CannotWrite, UnknownClip
from recommender.library.additions import FOLDER, HISTORY, forget_person, safe_name
from recommender.library.building import build
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.recommender.library.conftest import write_song
from tests.support.spectral import SpectralNetwork, SpectralPool


def opened(out: Path) -> Recommender:
    settings = Settings(catalogue=out, library_url="https://x.y", _env_file=None)
    return Recommender.open(settings, embedder=LocalEmbedder(SpectralNetwork()))


def added(recommender: Recommender) -> tuple[Clip, ...]:
    catalogue = recommender.catalogue
    assert isinstance(catalogue, LocalCatalogue)
    return catalogue.added.clips


@pytest.fixture
def recommender(music: Path, tmp_path: Path) -> Iterator[Recommender]:
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    made = opened(tmp_path / "out")
    yield made
    made.close()


def test_an_added_file_is_found_by_the_next_query_in_every_process(
    recommender: Recommender, music: Path, tmp_path: Path
) -> None:
    other = opened(tmp_path / "out")
    before = other.similar("Songs/long.wav", top=50)
    file = write_song(tmp_path / "upload", 24, 500)
    upload = recommender.embed_file(file)
    clip = recommender.add(file, upload, name="../my song?.WAV", who="U1 (ann)")
    path = f"{FOLDER}/my song.wav"
    assert (clip.source, clip.start, clip.title, clip.labels) == (path, 0, "my song", (FOLDER,))
    assert clip.url == "https://x.y/Added%20from%20Slack/my%20song.wav#t=0,10"
    assert (music / path).read_bytes() == file.read_bytes()
    history = json.loads((music / FOLDER / HISTORY).read_text())
    assert (history["who"], history["name"], history["path"]) == ("U1 (ann)", "../my song?.WAV", path)

    assert (
        other.clip(path) == other.clip(clip.clip_id) == other.clip(file_id(path)) == other.clip(f"#{clip.item}") == clip
    )
    after = other.similar("Songs/long.wav", top=50)
    assert {r.clip.source for r in after.results} - {r.clip.source for r in before.results} == {path}
    assert [r.rank for r in after.results] == list(range(1, len(after.results) + 1))
    own = other.similar_to(upload)
    assert (own.results[0].clip.source, round(own.results[0].similarity, 5)) == (path, 1)
    assert path not in {r.clip.source for r in other.similar(path).results}
    assert [r.clip.source for r in other.similar("Songs/long.wav", only=[FOLDER]).results] == [path]
    assert path not in {r.clip.source for r in other.similar("Songs/long.wav", without=[FOLDER]).results}
    assert other.similar(f"{clip.clip_id} + Songs/long.wav").results
    other.close()


def test_a_build_takes_added_files_over_and_answers_stay_the_same(
    recommender: Recommender, music: Path, tmp_path: Path
) -> None:
    file = write_song(tmp_path / "upload", 12, 501)
    clip = recommender.add(file, recommender.embed_file(file), name="a.wav", who="ann")
    assert clip.item == len(recommender.catalogue)
    report = build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert report.indexed == 9
    taken = recommender.clip(clip.clip_id)
    assert (taken.source, taken.item < len(recommender.catalogue)) == (clip.source, True)
    assert not added(recommender)
    assert [r.clip.source for r in recommender.similar(clip.clip_id).results].count(clip.source) == 0
    journal = tmp_path / "out.library" / JOURNAL
    assert journal.read_text()
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert journal.read_text() == ""


def test_an_added_file_that_is_moved_is_found_in_its_new_place_alone(
    recommender: Recommender, music: Path, tmp_path: Path
) -> None:
    file = write_song(tmp_path / "upload", 12, 530)
    recommender.add(file, recommender.embed_file(file), name="a.wav", who="ann")
    (music / FOLDER / "a.wav").rename(music / "Songs" / "a.wav")
    build(music, tmp_path / "out", SpectralPool(), progress=False)
    assert recommender.clip("Songs/a.wav").source == "Songs/a.wav"
    assert not recommender.catalogue.has(f"{FOLDER}/a.wav")
    again = recommender.add(file, recommender.embed_file(file), name="a.wav", who="ann")
    assert (music / again.source).is_file()


def test_what_the_library_has_is_not_kept_twice(recommender: Recommender, music: Path, tmp_path: Path) -> None:
    there = music / "Loops" / "loop 1.wav"
    assert recommender.add(there, recommender.embed_file(there), name="x.wav", who="ann").source == "Loops/loop 1.wav"
    file = write_song(tmp_path / "upload", 4, 502)
    clips = {
        recommender.add(file, recommender.embed_file(file), name="y.wav", who=who).clip_id for who in ("ann", "bob")
    }
    assert clips == {clip_id(f"{FOLDER}/y.wav", 0)}
    assert [path.name for path in (music / FOLDER).iterdir() if path.name != HISTORY] == ["y.wav"]


def test_who_added_a_sound_can_be_forgotten(recommender: Recommender, music: Path, tmp_path: Path) -> None:
    facts = recommender.catalogue.facts
    assert forget_person(facts, "U1ANN") == 0
    for number, who in enumerate(("U1ANN", "U2BOB", "U1ANN")):
        file = write_song(tmp_path / f"upload {number}", 4, 520 + number)
        recommender.add(file, recommender.embed_file(file), name="é.wav", who=who)
    history = music / FOLDER / HISTORY
    with history.open("a") as cut_short:
        cut_short.write('{"path')
    assert forget_person(facts, "U1ANN") == 2
    left = [json.loads(line) for line in history.read_text().splitlines()]
    assert [(entry["who"], entry["name"]) for entry in left] == [("", "é.wav"), ("U2BOB", "é.wav"), ("", "é.wav")]
    assert recommender.clip(f"{FOLDER}/é.wav")
    shutil.rmtree(tmp_path / "out.library")
    assert forget_person(facts, "U1ANN") == 0


def test_people_who_add_at_once_under_one_name_lose_nothing(
    recommender: Recommender, music: Path, tmp_path: Path
) -> None:
    files = [write_song(tmp_path / f"upload {number}", 4, 510 + number) for number in range(6)]
    uploads = [recommender.embed_file(file) for file in files]

    def add(number: int) -> None:
        recommender.add(files[number], uploads[number], name="same.wav", who=str(number))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = sorted(path for path in (music / FOLDER).iterdir() if path.name != HISTORY)
    assert [path.name for path in kept] == [f"same ({n}).wav" for n in range(2, 7)] + ["same.wav"]
    assert {path.read_bytes() for path in kept} == {file.read_bytes() for file in files}
    assert len({clip.item for clip in added(recommender)}) == 6


def test_a_line_cut_short_by_a_crash_is_left_out_and_the_next_is_read(recommender: Recommender, tmp_path: Path) -> None:
    journal = tmp_path / "out.library" / JOURNAL
    journal.write_text('{"path": "x", "wind')
    assert not added(recommender)
    file = write_song(tmp_path / "upload", 4, 503)
    recommender.add(file, recommender.embed_file(file), name="z.wav", who="ann")
    assert [clip.title for clip in added(recommender)] == ["z"]


def test_a_catalogue_that_is_no_library_takes_nothing(recommender: Recommender, music: Path, tmp_path: Path) -> None:
    file = write_song(tmp_path / "upload", 4, 504)
    upload = recommender.embed_file(file)
    recommender.catalogue.facts.extra["kind"] = "audioset"
    with pytest.raises(CannotWrite, match="not made from a folder"):
        recommender.add(file, upload, name="z.wav", who="ann")
    with pytest.raises(UnknownClip):
        recommender.clip(f"{FOLDER}/z.wav")


@example("あ" * 100 + ".wav")
@given(st.text())
def test_safe_names_stay_in_their_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe == Path(safe).name
    assert safe not in {"", ".", ".."}
    assert not safe.startswith(".")
    assert "\0" not in safe
    assert len(f"{safe} (999)".encode()) <= 255
    assert len(safe) <= 106
