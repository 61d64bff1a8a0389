"""Fetching from a real server that cuts the connection, serves something else, or ignores ranges."""

from __future__ import annotations

import fcntl
import hashlib
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from recommender import cli
from recommender.commands import fetch as command
from recommender.errors import FetchFailed
from recommender.sources import fetch as fetching
from recommender.sources.fetch import Source, fetch
from tests.support.http import Answer, ScriptedServer, reply, scripted_server

DATA = np.random.default_rng(0).bytes(3_000_000)
SHA512 = ("sha512", hashlib.sha512(DATA).hexdigest())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(fetching, "BACKOFF_SECONDS", 0.001)
    with scripted_server() as script:
        yield script


@pytest.fixture
def source(server: ScriptedServer) -> Source:
    return Source("model.ckpt", f"{server.url}/model.ckpt", SHA512)


def file_server(cuts: tuple[int, ...] = (), ranges: bool = True, shift: int = 0) -> Answer:
    """Serve DATA; the first connections are cut after so many bytes; `shift` resumes at the wrong place."""
    left = list(cuts)

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked = handler.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-")) + shift if asked and ranges else 0
        if start >= len(DATA):
            reply(416, b"", Content_Range=f"bytes */{len(DATA)}")(handler, body)
            return
        handler.send_response(206 if asked and ranges else 200)
        if asked and ranges:
            handler.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        handler.send_header("Content-Length", str(len(DATA) - start))
        handler.end_headers()
        cut = left.pop(0) if left else len(DATA)
        handler.wfile.write(DATA[start : start + cut])
        handler.close_connection = True

    return answer


def test_a_file_is_fetched_once(server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = file_server()
    seen: list[tuple[int, int | None]] = []
    path, new = fetch(source, tmp_path / "new", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA and new
    assert seen[0] == (0, len(DATA)) and seen[-1] == (len(DATA), len(DATA))
    assert [p.name for p in path.parent.iterdir()] == ["model.ckpt"]
    assert fetch(source, tmp_path / "new") == (path, False)
    assert len(server.requests) == 1


def test_a_connection_that_is_cut_is_resumed(server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = file_server(cuts=(1_000_000, 500_000, 7))
    assert fetch(source, tmp_path)[0].read_bytes() == DATA
    assert len(server.requests) == 4


def test_a_later_run_goes_on_where_the_last_one_ended(server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = file_server(cuts=(1_000_000, *[0] * 20))
    with pytest.raises(FetchFailed, match="The next run goes on from here"):
        fetch(source, tmp_path)
    assert (tmp_path / "model.ckpt.part").stat().st_size == 1_000_000
    assert not (tmp_path / "model.ckpt").exists()
    seen: list[int] = []
    server.answer = file_server()
    fetch(source, tmp_path, progress=lambda done, total: seen.append(done))
    assert seen[0] == 1_000_000
    assert (tmp_path / "model.ckpt").read_bytes() == DATA


def test_a_server_that_ignores_ranges(server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = file_server(cuts=(1_000_000, 2_000_000), ranges=False)
    assert fetch(source, tmp_path)[0].read_bytes() == DATA


def test_a_server_that_resumes_at_the_wrong_place(server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = file_server(cuts=(1_000_000,), shift=3)
    assert fetch(source, tmp_path)[0].read_bytes() == DATA


def test_a_part_that_is_whole_already(server: ScriptedServer, source: Source, tmp_path: Path):
    (tmp_path / "model.ckpt.part").write_bytes(DATA)
    server.answer = file_server()
    assert fetch(source, tmp_path)[0].read_bytes() == DATA


def test_a_part_of_something_else_is_thrown_away(server: ScriptedServer, source: Source, tmp_path: Path):
    (tmp_path / "model.ckpt.part").write_bytes(b"x" * (len(DATA) + 5))
    server.answer = file_server()
    assert fetch(source, tmp_path)[0].read_bytes() == DATA


@pytest.mark.parametrize("wrong", [b"<html>Sign in</html>", DATA[:-1] + b"x", b""])
def test_a_wrong_file_is_not_kept(wrong: bytes, server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = reply(200, wrong)
    (tmp_path / "model.ckpt").write_bytes(b"the old one")
    with pytest.raises(FetchFailed, match="is not the published file"):
        fetch(source, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.ckpt"]
    assert (tmp_path / "model.ckpt").read_bytes() == b"the old one"
    server.answer = file_server()
    assert fetch(source, tmp_path) == (tmp_path / "model.ckpt", True)


def test_without_a_digest_the_beginning_is_checked(server: ScriptedServer, tmp_path: Path):
    source = Source("features.tar.gz", f"{server.url}/x", magic=b"\x1f\x8b")
    server.answer = reply(200, b"<html>")
    with pytest.raises(FetchFailed, match="begins unlike it"):
        fetch(source, tmp_path)
    server.answer = reply(200, b"\x1f\x8b rest")
    assert fetch(source, tmp_path)[1] and not fetch(source, tmp_path)[1]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_is_not_there_is_not_asked_for_again(status: int, server: ScriptedServer, source: Source, tmp_path: Path):
    server.answer = reply(status, b"no")
    with pytest.raises(FetchFailed, match=f"is not there .{status}.: check the address"):
        fetch(source, tmp_path)
    assert len(server.requests) == 1


def test_a_server_in_trouble_is_asked_again(server: ScriptedServer, source: Source, tmp_path: Path):
    answers = iter([reply(503, b""), reply(429, b""), file_server()])
    server.answer = lambda handler, body: next(answers)(handler, body)
    assert fetch(source, tmp_path)[0].read_bytes() == DATA


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(fetching, "BACKOFF_SECONDS", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(FetchFailed, match=r"cannot be fetched \(no connection\): check the network"):
        fetch(Source("a", f"http://127.0.0.1:{port}/a"), tmp_path)


@pytest.mark.parametrize("url", ["model.ckpt", "ftp://127.0.0.1/a", "http://"])
def test_addresses_that_are_none(url: str, tmp_path: Path):
    with pytest.raises(FetchFailed, match="begins with https"):
        fetch(Source("a", url), tmp_path)


def test_two_at_once(server: ScriptedServer, source: Source, tmp_path: Path):
    with (tmp_path / "model.ckpt.part").open("wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        with pytest.raises(FetchFailed, match="by another process"):
            fetch(source, tmp_path)


def test_a_folder_that_cannot_be_written(source: Source, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchFailed, match="cannot be written"):
        fetch(source, tmp_path / "file" / "folder")


def test_command_with_a_mirror(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(
        command.SOURCES, "vggish", tuple(Source(s.name, s.url, SHA512) for s in command.SOURCES["vggish"])
    )
    server.answer = file_server(cuts=(5,))
    assert cli.main(["fetch", "vggish", "--to", str(tmp_path), "--from", f"{server.url}/mirror/"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out] == ["fetched", "fetched"]
    assert (tmp_path / "vggish_pca_params.npz").read_bytes() == (tmp_path / "vggish_model.ckpt").read_bytes() == DATA
    assert "GET /mirror/vggish_model.ckpt" in server.requests
    assert cli.main(["fetch", "vggish", "--to", str(tmp_path), "--from", server.url]) == 0
    assert "there already" in capsys.readouterr().out


def test_command_says_what_went_wrong(server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["fetch", "audioset", "--to", str(tmp_path), "--from", server.url]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("fetch-failed: ")
