"""The service as operators start it, under clients that mean no good."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests

from recommender.audio.wav import wav_bytes
from recommender.embedders import registry
from recommender.embedders.client import EmbedderClient
from recommender.service.app import MAX_BODY_BYTES, MEMORY_BYTES
from recommender.service.server import EmbedderWorker
from tests.scenarios.stack import ADDRESS, Process
from tests.support import toy_embedder
from tests.support.audio import melody, pcm16

PCM = pcm16(melody(4))
READY = re.compile(r"Embedder toy-bands is ready at " + ADDRESS.pattern)
TIMEOUT = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process("toy", ["-m", "tests.support.toy_service"], {}, tmp_path_factory.mktemp("toy") / "log")
    try:
        process.wait_for(READY)
        yield process
    finally:
        process.kill()


@pytest.fixture
def url(server: Process) -> str:
    return server.wait_for(ADDRESS)


def connect(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), TIMEOUT)


def post(url: str, wav: bytes) -> requests.Response:
    return requests.post(f"{url}/model/predict", files={"audio": ("a.wav", wav, "audio/wav")}, timeout=TIMEOUT)


def test_slow_clients_hold_nothing_up(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "SPECS", (*registry.SPECS, toy_embedder.SPEC))
    head = b"POST /model/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n"
    with ExitStack() as held:
        for number in range(100):
            held.enter_context(connect(url)).sendall(head if number % 2 else head + b"\r\n" + bytes(500))
        for path in ("/livez", "/readyz", "/healthz", "/metrics"):
            assert requests.get(url + path, timeout=TIMEOUT).status_code == 200
        client = EmbedderClient(url)
        assert client.ready() and client.embed(np.resize(PCM, 4 * 32_000)).vectors.shape == (7, 24)
        client.close()


def test_probes_say_what_they_see(url: str):
    assert requests.get(f"{url}/livez", timeout=TIMEOUT).json() == {"status": "alive"}
    health = requests.get(f"{url}/healthz", timeout=TIMEOUT).json()
    assert health["status"] == "ready" and health["checks"]["model"] == {"works": True, "remark": "toy-bands"}
    head = requests.head(f"{url}/readyz", timeout=TIMEOUT)
    assert head.status_code == 200 and not head.content


def test_many_large_requests_share_one_budget_of_memory(server: Process, url: str):
    """Eight of half an hour: some are embedded, others are told to come again, and memory stays within the budgets."""
    wav = wav_bytes(np.resize(PCM, MAX_BODY_BYTES // 2 - 1000))
    worker = psutil.Process(server.child.pid).children()[0]
    before = worker.memory_info().rss
    with ThreadPoolExecutor(8) as threads:
        statuses = [answer.status_code for answer in threads.map(lambda _: post(url, wav), range(8))]
    assert set(statuses) <= {200, 503} and 200 in statuses
    # Body, form and samples may be there at once for each body that the server holds.
    assert _peak(worker) - before < 3 * EmbedderWorker.limits.held_bytes + MEMORY_BYTES
    assert post(url, wav_bytes(PCM)).status_code == 200


def _peak(process: psutil.Process) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return 1024 * int(found[1])


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(url: str):
    with connect(url) as connection:
        connection.sendall(b"POST /model/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_hostile_requests_leave_it_as_it_was(server: Process, url: str):
    for number in range(300):
        with connect(url) as connection:
            connection.sendall(HOSTILE[number % len(HOSTILE)])
            if number % 3:
                connection.shutdown(socket.SHUT_WR)
                with suppress(ConnectionResetError):
                    connection.recv(1000)
    assert post(url, wav_bytes(PCM)).status_code == 200


HOSTILE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /model/predict HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /model/predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /model/predict HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /model/predict HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 30\r\n\r\n--x\r\nContent-Disposition: form-",
    b"GET /model/metadata?" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
)


def test_each_line_of_its_log_is_json(server: Process, url: str):
    post(url, wav_bytes(PCM))
    lines = [json.loads(line) for line in server.said().splitlines()]
    assert lines and all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
