"""The launcher plays a library on this machine, and finds its catalogue again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests

from launcher import __main__ as launcher
from recommender.audio.wav import wav_bytes
from recommender.catalogue.links import FILES, link_of
from recommender.spelling import spelt
from tests.conftest import REPOSITORY
from tests.support.audio import melody, pcm16
from tests.support.catalogues import clustered, write

SOUND = wav_bytes(pcm16(melody(1)))


@pytest.fixture(scope="module", params=["", "My SFX"])
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served at, alone and as one of several, by a process as `make run` starts it."""
    folder = tmp_path_factory.mktemp("served") / "music"
    for name in ("a/x y#1.wav", ".hidden.wav", ".store/real.wav", "notes.txt", "voice", "a/.added.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"secret" if name.endswith(("txt", "jsonl")) else SOUND)
    (folder.parent / "outside.wav").write_bytes(SOUND)
    (folder / "out.wav").symlink_to(folder.parent / "outside.wav")
    (folder / "in.wav").symlink_to(folder / ".store" / "real.wav")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = ["--serve", request.param, str(folder), *(["--serve", "other", "/nowhere"] if request.param else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher.library", "--port", str(port), *serve],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                requests.get(address, timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield folder, f"{address}/{quote(request.param)}".rstrip("/")
    finally:
        process.terminate()
        process.wait(10)


def test_a_link_of_an_answer_plays_whole_and_in_ranges(served: tuple[Path, str]) -> None:
    link = link_of(FILES, served[1], "a/x y#1.wav", 0, 1)
    assert link is not None
    whole = requests.get(link, timeout=5)
    assert (whole.status_code, whole.content) == (200, SOUND)
    assert whole.headers["Content-Type"].startswith("audio/")
    part = requests.get(link, headers={"Range": "bytes=100-199"}, timeout=5)
    assert (part.status_code, part.content) == (206, SOUND[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(SOUND)}"
    assert requests.get(link, headers={"Range": f"bytes={len(SOUND)}-"}, timeout=5).status_code == 416


def test_names_of_any_bytes_and_links_within_play(served: tuple[Path, str]) -> None:
    folder, address = served
    name = os.fsdecode("Glöckchen.wav".encode("latin-1"))
    try:
        (folder / name).write_bytes(SOUND)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    for each in (spelt(name), "in.wav", "voice"):
        link = link_of(FILES, address, each, 0, 1)
        assert link is not None
        assert requests.get(link, timeout=5).content == SOUND


@pytest.mark.parametrize(
    "path",
    [
        *("/notes.txt", "/.hidden.wav", "/.store/real.wav", "/a/.added.jsonl", "/out.wav", "/a", "/", "/none.wav"),
        *("/../outside.wav", "/%2e%2e/outside.wav", "/a/..%2f..%2foutside.wav", "//etc/passwd", "/a%00.wav"),
        "/" + "a" * 300,
    ],
)
def test_nothing_else_is_served(served: tuple[Path, str], path: str) -> None:
    url = urlsplit(served[1])
    with socket.create_connection((str(url.hostname), url.port or 0), timeout=5) as connection:
        connection.sendall(f"GET {url.path}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert int(answer.split()[1]) in {400, 404}
    assert b"secret" not in answer and SOUND[44:100] not in answer


def test_pages_of_the_web_may_not_read_it_by_a_name_of_theirs(served: tuple[Path, str]) -> None:
    answer = requests.get(f"{served[1]}/voice", headers={"Host": "evil.example"}, timeout=5)
    assert answer.status_code == 403


def test_two_libraries_of_one_name_have_a_catalogue_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "STATE", tmp_path)
    first, second = tmp_path / "a" / "Music", tmp_path / "b" / "Music"
    catalogue = launcher._catalogue_of(first)
    assert catalogue == tmp_path / "catalogues" / "Music"
    write(catalogue, clustered(30))
    manifest = json.loads((catalogue / "manifest.json").read_text())
    manifest["extra"]["folder"] = str(first)
    (catalogue / "manifest.json").chmod(0o644)
    (catalogue / "manifest.json").write_text(json.dumps(manifest))
    assert launcher._catalogue_of(first) == catalogue
    other = launcher._catalogue_of(second)
    assert other != catalogue and other.name.startswith("Music-") and launcher._catalogue_of(second) == other


def test_a_catalogue_that_cannot_be_read_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "STATE", tmp_path)
    (tmp_path / "catalogues" / "Music").mkdir(parents=True)
    (tmp_path / "catalogues" / "Music" / "manifest.json").write_text("{")
    assert launcher._catalogue_of(tmp_path / "Music") == tmp_path / "catalogues" / "Music"
