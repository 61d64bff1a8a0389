"""What is found in a folder, and what is left alone."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import BuildFailed
from recommender.library.scanning import Selection, scan
from recommender.library.unwanted import BINS, SHADOWS
from tests.recommender.library.conftest import FailingListing


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
    found = scan(library, Selection(follow_links=True))
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


def test_a_link_that_leads_in_a_circle_is_told_and_stops_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "good.wav")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["good.wav"]
    assert list(found.unreadable) == ["circle"]


def test_bins_shadows_and_caches_are_left_out_and_taken_in_by_the_ignore_file(tmp_path: Path) -> None:
    for pattern in (*BINS, *SHADOWS):
        name = pattern.lstrip("\\*/").rstrip("/")
        touch(tmp_path / "a" / (f"{name}/x.wav" if pattern.endswith("/") else f"x.wav{name}"), b"RIFF")
    touch(tmp_path / "a" / "._x.wav")
    touch(tmp_path / ".Trash-1000" / "x.wav")
    touch(tmp_path / "a" / "x.wav")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["a/x.wav"]
    assert len(found.excluded) == len({*BINS, *SHADOWS})
    touch(tmp_path / ".soundalikeignore", "\ufeff# ours\r\n!#recycle/\r\na/x.*\n".encode())
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["a/#recycle/x.wav"]
    assert found.refuses("a/@eaDir/y.wav") and found.refuses("a/x.wav") and not found.refuses("a/y.wav")


def test_what_the_owner_excludes_is_left_out_in_git_s_grammar(tmp_path: Path) -> None:
    for name in ("Raw/a.wav", "Raw/keep.wav", "Songs/Raw/b.wav", "Songs/c.tmp.wav", "Glo\u0308ckchen/d.wav", "e.wav"):
        touch(tmp_path / name)
    exclude = ("/Raw/*", "!/Raw/keep.wav", "*.tmp.wav", "Gl\u00f6ckchen")
    found = scan(tmp_path, Selection(exclude=exclude))
    assert [file.path for file in found.files] == ["Raw/keep.wav", "Songs/Raw/b.wav", "e.wav"]
    with pytest.raises(BuildFailed, match=r"'!'.*mend it in .soundalikeignore, or after --exclude"):
        scan(tmp_path, Selection(exclude=("!",)))


def test_ignore_files_of_inner_folders_hold_below_them_and_after_the_outer_ones(tmp_path: Path) -> None:
    for name in ("a.wav", "raw/a.wav", "in/a.wav", "in/b.wav", "in/raw/b.wav", "in/deep/raw/c.wav", "in/deep/b.wav"):
        touch(tmp_path / name)
    touch(tmp_path / ".soundalikeignore", b"b.wav\n")
    touch(tmp_path / "in" / ".soundalikeignore", b"/a.wav\nraw/\n!deep/b.wav\n")
    touch(tmp_path / "in" / "deep" / ".soundalikeignore", b"!raw/\n")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["a.wav", "in/deep/b.wav", "in/deep/raw/c.wav", "raw/a.wav"]
    assert found.refuses("in/raw/new.wav") and not found.refuses("in/deep/raw/new.wav")
    assert [file.path for file in scan(tmp_path, Selection(exclude=("in/deep/",))).files] == ["a.wav", "raw/a.wav"]
    touch(tmp_path / "in" / ".soundalikeignore", b"!\n")
    with pytest.raises(BuildFailed, match=r"mend it in \.soundalikeignore"):
        scan(tmp_path)


def test_a_link_into_a_bin_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "#recycle" / "old" / "x.wav")
    touch(tmp_path / ".annex" / "y.wav")
    (tmp_path / "file.wav").symlink_to("#recycle/old/x.wav")
    (tmp_path / "folder").symlink_to("#recycle/old")
    (tmp_path / "annexed.wav").symlink_to(".annex/y.wav")
    found = scan(tmp_path)
    assert [file.path for file in found.files] == ["annexed.wav"]
    assert sorted(found.excluded) == ["#recycle", "file.wav", "folder"]


@pytest.mark.timeout(20)
def test_pipes_sockets_and_devices_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(tmp_path)  # the whole path would be too long for a socket
        try:
            listening.bind("socket.wav")
        finally:
            os.chdir(here)
        (tmp_path / "device.wav").symlink_to("/dev/zero")
        touch(tmp_path / "x.wav")
        found = scan(tmp_path, Selection(follow_links=True))
    assert [file.path for file in found.files] == ["x.wav"]
    assert not found.unreadable


def test_folders_may_lie_as_deep_in_each_other_as_the_disk_takes_them(tmp_path: Path) -> None:
    here, deep = Path.cwd(), "/".join(["d"] * 1100)
    try:
        os.chdir(tmp_path)
        subprocess.run(["mkdir", "-p", deep], check=True)  # Python's recurse
        Path(deep, "x.wav").write_bytes(b"x")
        assert [file.path for file in scan(tmp_path).files] == [f"{deep}/x.wav"]
    finally:
        os.chdir(here)
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_folders_that_share_an_inode_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x.wav", "b/x.wav", "b/c/x.wav"):
        touch(tmp_path / name)
    (tmp_path / "link").symlink_to("b")
    real = os.stat

    def same(*arguments: Any, **options: Any) -> os.stat_result:
        status = real(*arguments, **options)
        return os.stat_result((status.st_mode, 7, *tuple(status)[2:]))

    monkeypatch.setattr(os, "stat", same)
    assert [file.path for file in scan(tmp_path).files] == ["a/x.wav", "b/c/x.wav", "b/x.wav"]


def test_a_folder_that_fails_in_the_middle_of_its_listing_is_named_and_what_was_read_is_kept(
    tmp_path: Path, failing_listing: FailingListing
) -> None:
    for name in ("a/1.wav", "a/2.wav", "a/3.wav", "b/x.wav"):
        touch(tmp_path / name)
    failing_listing(tmp_path / "a", errno.EIO, after=2)
    found = scan(tmp_path)
    assert len(found.files) == 3
    assert found.unreadable == {"a/": os.strerror(errno.EIO)}
    assert all(found.hides(path) for path in ("a/1.wav", "a/b/c.wav", "a/"))
    assert not found.hides("ab/c.wav") and not found.hides("b/x.wav")
