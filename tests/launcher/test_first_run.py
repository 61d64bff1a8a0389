"""What `make run` says where it cannot start."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import sysconfig
from collections import namedtuple

import pytest

from launcher import preflight
from tests.conftest import REPOSITORY


def lacking() -> list[str]:
    return list(preflight.lacking(REPOSITORY))


def test_a_machine_that_has_all_is_told_nothing():
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "launcher/preflight.py")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_an_old_python_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 1))
    (sentence,) = lacking()
    assert "3.8" in sentence
    assert "PYTHON=" in sentence


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (sentence,) = lacking()
    assert "C++ compiler" in sentence


def test_missing_headers_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sysconfig, "get_paths", lambda *scheme: dict.fromkeys(sysconfig.get_path_names(), "/nowhere"))
    (sentence,) = lacking()
    assert "python3-dev" in sentence


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9, 9 * 10**8, 10**8))
    (sentence,) = lacking()
    assert "0.1 GB free" in sentence


def test_a_role_that_does_not_exist_is_told_which_do():
    (sentence,) = preflight.lacking(REPOSITORY, "server")
    assert "bot, embedder, all, development" in sentence


def test_a_port_in_use_is_named_before_anything_is_started():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "launcher", "--port", str(port)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""},
        )
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "--port", str(port), "--library", str(tmp_path / "nothing")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "There is no folder" in done.stderr
