"""`python -m recommender embedder` as a process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recommender.embedders.client import EmbedderClient
from tests.support.audio import melody, pcm16

COMMAND = [sys.executable, "-m", "recommender", "embedder"]


@pytest.fixture(scope="module")
def embedder() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process, and its address as it prints it."""
    process = subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"Embedder musicnn-msd is ready at (http://127\.0\.0\.1:\d+)\n", line)
    assert found, line
    yield process, found[1]
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def test_it_serves_and_stops(embedder: tuple[subprocess.Popen[str], str]):
    process, url = embedder
    client = EmbedderClient(url)
    assert client.ready()
    assert client.embed(pcm16(melody(4)), tags=True).tags.shape == (1, 50)
    client.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_missing_weights_end_it_with_a_sentence(tmp_path: Path):
    run = subprocess.run(
        [*COMMAND, "--model", "yamnet", "--weights", str(tmp_path), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "LOG_LEVEL": "INFO"},
    )
    assert run.returncode != 0
    assert "no-weights: " in run.stderr and "Traceback" not in run.stderr and "ready" not in run.stdout


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=110)
    assert run.returncode == 1
    assert re.fullmatch(rf"bad-settings: Port {port} of 127\.0\.0\.1 is not free .*: choose another\.\n", run.stderr)
