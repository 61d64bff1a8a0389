"""Temporary files are private and go with their job, or with their process."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from bot.answering.scratch import PREFIX, Scratch, sweep


def test_files_are_private_and_removed_whatever_happens(tmp_path):
    scratch = Scratch(tmp_path)
    with pytest.raises(ValueError, match="x"), scratch.file() as path:
        path.write_bytes(b"sound")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        raise ValueError("x")
    assert [p.name for p in scratch.folder.iterdir()] == ["lock"]
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_process_is_swept_by_the_next(tmp_path):
    code = (
        "import os, sys, pathlib, signal; from bot.answering.scratch import Scratch; "
        "s = Scratch(pathlib.Path(sys.argv[1]));"
        "(s.folder / 'song').write_bytes(b'x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 1
    scratch = Scratch(tmp_path)
    assert list(tmp_path.iterdir()) == [scratch.folder]
    scratch.close()


def test_the_folder_of_a_living_process_and_what_is_not_ours_stay(tmp_path):
    (tmp_path / f"{PREFIX}of-somebody").mkdir()
    scratch = Scratch(tmp_path)
    assert sweep(tmp_path) == 0
    assert scratch.folder.exists()
    scratch.close()
