"""Builds and watches as people run them: as processes that are interrupted, killed and started again."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recommender.catalogue.local.manifest import Manifest
from recommender.cli import main
from recommender.library.building import build
from tests.recommender.library.conftest import write_song
from tests.recommender.library.test_building import answers
from tests.support.spectral import SpectralNetwork, SpectralPool, served

KILLS = int(os.environ.get("SOUNDALIKE_KILLS", "5"))
"""Random moments at which a build is killed; SOUNDALIKE_KILLS=20 for a thorough run."""


class Service:
    """The small embedder behind HTTP, as slow as a test wants it."""

    def __init__(self) -> None:
        self.pause = 0.0
        self.network = SpectralNetwork(lambda: time.sleep(self.pause))
        self.url = ""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service()
    with served(made.network) as made.url:
        yield made


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "recommender", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def remembered(out: Path) -> int:
    path = out.with_name(f"{out.name}.library") / "heard.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as db:
        return int(db.execute("SELECT count(*) FROM heard").fetchone()[0])


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.02)


def tables(out: Path) -> bool:
    try:
        return remembered(out) > 0
    except sqlite3.OperationalError:
        return False


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(music: Path, tmp_path: Path, service: Service) -> None:
    out = tmp_path / "out"
    service.pause = 0.4
    process = start("build", "library", str(music), "--out", str(out), "--embedder-url", service.url)
    wait_until(lambda: tables(out), process)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    service.pause = 0
    assert process.returncode == 130
    assert "Run the same again to go on" in told
    kept = remembered(out)
    assert kept >= 1
    with sqlite3.connect(tmp_path / "out.library" / "heard.sqlite") as db:
        assert db.execute("SELECT count(*) FROM heard WHERE error IS NOT NULL").fetchone() == (0,)
    assert not out.exists()
    report = build(music, out, SpectralPool(), progress=False)
    assert (report.embedded, report.indexed) == (8 - kept, 8)


def test_killed_at_any_moment_nothing_is_lost_or_damaged(music: Path, tmp_path: Path, service: Service) -> None:
    moments = random.Random(8)
    out = tmp_path / "out"
    service.pause = 0.05
    build(music, out, SpectralPool(), progress=False)
    expected = len(answers(out))
    known = remembered(out)
    for number in range(KILLS):
        write_song(music / f"new {number}.wav", 4, 300 + number)
        process = start("build", "library", str(music), "--out", str(out), "--embedder-url", service.url)
        try:
            process.wait(timeout=moments.uniform(0.3, 2.5))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert len(answers(out)) >= expected
        assert remembered(out) >= known
        known = remembered(out)
    service.pause = 0
    report = build(music, out, SpectralPool(), progress=False)
    assert report.embedded == 8 + KILLS - known
    assert report.indexed == 8 + KILLS
    build(music, tmp_path / "full", SpectralPool(), progress=False)
    assert answers(out) == answers(tmp_path / "full")
    assert [path.name for path in tmp_path.glob(".out.*")] == []


def test_the_command_tells_what_it_did(
    music: Path, tmp_path: Path, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    (music / "broken.ogg").write_bytes(b"OggS" + bytes(99))
    command = ["build", "library", str(music), "--out", str(tmp_path / "out"), "--embedder-url", service.url]
    first = start(*command)
    told, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    assert "indexed" in told
    assert "failed" in told
    assert "says why, file by file" in told
    second = start(*command, "--json")
    report = json.loads(second.communicate(timeout=60)[0])
    assert (report["indexed"], report["heard"], report["written"], report["failed"]) == (
        8,
        0,
        False,
        {"cannot-decode": 1},
    )
    nothing = ["build", "library", str(tmp_path), "--out", str(tmp_path / "x"), "--embedder", "yamnet", *command[5:]]
    assert main(nothing) == 1
    assert "exclude each other" in capsys.readouterr().err


def test_watch_takes_up_what_changes(music: Path, tmp_path: Path, service: Service) -> None:
    out = tmp_path / "out"
    build(music, out, SpectralPool(), progress=False)
    before = Manifest.read(out).id
    write_song(music / "while away.wav", 4, 400)
    process = start("watch", str(out), "--every", "0", "--look", "0.1", "--embedder-url", service.url, "--json")
    assert process.stdout is not None
    try:
        first = json.loads(process.stdout.readline())
        assert (first["heard"], first["written"]) == (1, True)
        write_song(music / "added.wav", 4, 401)
        second = json.loads(process.stdout.readline())
        assert (second["heard"], second["indexed"]) == (1, 10)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        process.communicate()
    assert Manifest.read(out).id != before


def test_watch_refuses_what_is_no_library(tmp_path: Path, music: Path) -> None:
    out = tmp_path / "out"
    build(music, out, SpectralPool(), progress=False)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["extra"] = {"kind": "audioset"}
    (out / "manifest.json").chmod(0o644)
    (out / "manifest.json").write_text(json.dumps(manifest))
    process = start("watch", str(out))
    assert "was not built from a folder" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
