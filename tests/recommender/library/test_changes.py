"""Nothing vanishes from a library by accident, and the report tells what has become of its files."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.errors import BuildFailed, SoundalikeError
from recommender.library.building import build
from recommender.library.changes import Changes, compare
from recommender.library.report import Report
from recommender.library.scanning import Selection, scan
from recommender.library.watching import Watch
from recommender.library.writing import USUAL
from tests.conftest import REPOSITORY
from tests.recommender.library.conftest import FailingListing, write_song
from tests.support.audio import write_audio
from tests.support.spectral import SpectralPool


def built(folder: Path, out: Path, **options: object) -> Report:
    return build(folder, out, SpectralPool(), progress=False, **options)  # type: ignore[arg-type]


def sources(out: Path) -> set[str]:
    catalogue = LocalCatalogue.open(out)
    try:
        return {clip.source for clip, _ in catalogue.all_clips()} | set(catalogue.copied_from)
    finally:
        catalogue.close()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Twenty-four short files in two folders."""
    folder = tmp_path / "many"
    for number in range(12):
        write_song(folder / "a" / f"{number:02}.wav", 1, number)
        write_song(folder / "b" / f"{number:02}.wav", 1, 50 + number)
    return folder


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("after", [0, 3])
def test_a_folder_that_cannot_be_read_keeps_its_clips_and_is_named(
    many: Path, tmp_path: Path, failing_listing: FailingListing, code: int, after: int
) -> None:
    out = tmp_path / "out"
    built(many, out)
    before = sources(out)
    (many / "b" / "00.wav").unlink()
    failing_listing(many / "a", code, after)
    report = built(many, out)
    assert sources(out) == before - {"b/00.wav"}
    assert (len(report.changes.unseen), report.changes.removed) == (12 - after, 1)
    assert report.warnings() == [
        f"a/: {os.strerror(code)}: check its disk, its rights and its name; what is indexed of it stays."
    ]
    assert f"out of reach  {12 - after:>7}" in report.table()


def test_watch_keeps_the_clips_of_a_folder_that_cannot_be_read_and_takes_up_the_others(
    many: Path, tmp_path: Path, failing_listing: FailingListing
) -> None:
    out = tmp_path / "out"
    built(many, out)
    before = sources(out)
    (many / "b" / "00.wav").unlink()
    failing_listing(many / "a", errno.ESTALE)
    reports: list[Report] = []
    troubles: list[SoundalikeError] = []

    def told(report: Report) -> None:
        reports.append(report)
        watch.stop()

    selection = Selection()
    watch = Watch(
        *(many, out, SpectralPool()), every=0, look=0.01, index=USUAL, selection=selection, on_built=told,
        on_trouble=troubles.append,
    )  # fmt: skip
    watch.run()
    assert sources(out) == before - {"b/00.wav"} and not troubles
    assert [(len(report.changes.unseen), report.changes.removed) for report in reports] == [(12, 1)]
    assert "a/: " in reports[0].warnings()[0]


def test_a_file_that_cannot_be_read_keeps_its_clips(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    built(many, out)
    before = sources(out)
    write_song(many / "a" / "00.wav", 2, 99)
    real = Path.open

    def broken(self: Path, *arguments: object, **options: object) -> object:
        if self.name == "00.wav" and self.parent.name == "a":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", broken)
    report = built(many, out)
    assert sources(out) == before
    assert [(failure.path, failure.code) for failure in report.failures] == [("a/00.wav", "unreadable")]
    monkeypatch.undo()
    assert built(many, out).changes.changed == 1


def test_where_a_tenth_is_missing_all_stay_until_they_are_let_go(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    before = sources(out)
    shutil.rmtree(many / "a")
    for _ in range(2):
        report = built(many, out)
        assert sources(out) == before
        assert (len(report.changes.missing), report.changes.removed, report.written) == (12, 0, False)
    assert "12 files of this library cannot be found, such as a/00.wav" in report.warnings()[0]
    assert [failure.code for failure in report.failures] == ["missing"] * 12
    report = built(many, out, remove_missing=True)
    assert (report.changes.removed, report.changes.missing) == (12, [])
    assert sources(out) == {path for path in before if path.startswith("b/")}


def test_an_empty_mount_keeps_the_library_and_says_so(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    before = sources(out)
    many.rename(tmp_path / "away")
    with pytest.raises(BuildFailed, match="is no folder"):
        built(many, out)
    many.mkdir()
    assert len(built(many, out).changes.missing) == 24
    assert sources(out) == before
    many.rmdir()
    (tmp_path / "away").rename(many)
    assert built(many, out).changes == Changes(dict(compared(many, out)))


def compared(folder: Path, out: Path) -> dict[str, str]:
    with sqlite3.connect(out.with_name("out.library") / "heard.sqlite") as db:
        return dict(db.execute("SELECT path, indexed FROM stamps"))


def test_a_few_that_are_missing_were_deleted(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    for number in range(9):
        (many / "a" / f"{number:02}.wav").unlink()
    report = built(many, out)
    assert (report.changes.removed, report.changes.missing, report.indexed) == (9, [], 15)


def test_what_is_moved_is_not_missing_however_much_it_is(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    (many / "a").rename(many / "c")
    write_song(many / "b" / "00.wav", 1, 200)
    write_song(many / "new.wav", 1, 201)
    (many / "b" / "01.wav").unlink()
    report = built(many, out)
    changes = report.changes
    assert (changes.moved, changes.changed, changes.new, changes.removed, changes.missing) == (12, 1, 1, 1, [])
    told = report.to_json()
    assert [told[name] for name in ("new", "changed", "moved", "removed", "missing", "out_of_reach")] == [
        *(1, 1, 12, 1, 0, 0)
    ]
    again = built(many, out)
    assert (again.changes.moved, again.changes.new, again.written) == (0, 0, False)


def test_what_is_excluded_goes_without_being_asked_for(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    report = built(many, out, selection=Selection(exclude=("/a/",)))
    assert (report.changes.removed, report.changes.missing, list(report.excluded)) == (12, [], ["a"])
    assert all(path.startswith("b/") for path in sources(out))
    (many / ".soundalikeignore").write_text("/b/1*\n")
    report = built(many, out, selection=Selection(exclude=("/a/",)))
    assert (report.changes.removed, report.indexed) == (2, 10)


def test_a_disk_that_was_mounted_in_the_library_and_is_not_keeps_its_clips(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    indexed = compared(many, out)
    for number in range(3):
        (many / "a" / f"{number:02}.wav").unlink()
    found = scan(many)
    present = {file.path: indexed[file.path] for file in found.files}
    changes = compare(found, present, indexed, {"a/"}, remove_missing=False)
    assert changes.unseen == ["a/00.wav", "a/01.wav", "a/02.wav"]
    assert found.unreadable == {"a/": "another disk was mounted here and is not now"}
    assert changes.mounts == {"a/"}
    found = scan(many)
    changes = compare(found, present, indexed, {"a/"}, remove_missing=True)
    assert (changes.removed, changes.mounts, found.unreadable) == (3, set(), {})


def test_what_is_out_of_reach_and_was_never_embedded_so_is_not_lost_in_silence(
    many: Path, tmp_path: Path, failing_listing: FailingListing
) -> None:
    out = tmp_path / "out"
    built(many, out)
    with sqlite3.connect(tmp_path / "out.library" / "heard.sqlite") as db:
        db.execute("UPDATE heard SET space = 'of another embedder'")
    failing_listing(many / "a", errno.EIO)
    with pytest.raises(BuildFailed, match=r"12 files .* such as a/00.wav: .* --remove-missing"):
        built(many, out)
    assert built(many, out, remove_missing=True).indexed == 12


def test_a_memory_of_0_1_is_taken_over(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(many, out)
    with sqlite3.connect(tmp_path / "out.library" / "heard.sqlite") as db:
        db.executescript(
            "ALTER TABLE stamps DROP COLUMN indexed; ALTER TABLE heard DROP COLUMN incomplete; DROP TABLE mounts"
        )
    shutil.rmtree(many / "a")
    report = built(many, out)
    assert (len(report.changes.missing), report.changes.new, report.embedded) == (12, 0, 0)


def test_a_file_that_is_cut_is_indexed_and_told_as_incomplete(many: Path, tmp_path: Path) -> None:
    whole = write_audio(tmp_path / "whole.flac", "flac", seconds=8)
    (many / "cut.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = tmp_path / "out"
    for _ in range(2):
        report = built(many, out)
        assert [(failure.path, failure.code) for failure in report.failures] == [("cut.flac", "incomplete")]
        assert "of the 8.0 s that the file's header speaks of could be read" in report.failures[0].cause
        assert report.to_json()["incomplete"] == 1
    assert "cut.flac" in sources(out)


def test_by_the_command_line_a_folder_without_rights_is_named_and_kept(many: Path, tmp_path: Path) -> None:
    # Root may read all: unless it lets go of that.
    plain = [] if os.getuid() else [shutil.which("setpriv") or "", "--bounding-set=-dac_override,-dac_read_search"]
    if "" in plain:
        pytest.skip("root, and no setpriv to let go of its rights")
    out = tmp_path / "out"
    built(many, out)
    before = sources(out)
    (many / "a").chmod(0)
    try:
        done = subprocess.run(
            [*plain, sys.executable, "-m", "recommender", "build", "library", str(many), "--out", str(out), "--json"],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (many / "a").chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["out_of_reach"] == 12
    assert "a/: Permission denied" in done.stderr
    assert sources(out) == before
