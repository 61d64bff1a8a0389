"""`python -m recommender embedder` as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from recommender.audio import decoding
from recommender.cli import main
from recommender.embedders.client import EmbedderClient
from recommender.embedders.local import in_process
from recommender.vectors import quantise
from tests.support.audio import melody, pcm16

PCM = pcm16(melody(4))
COMMAND = [sys.executable, "-m", "recommender", "embedder"]


@contextmanager
def serving(space: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process, and its address as its log tells it."""
    with subprocess.Popen([*COMMAND, "--port", "0", *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = re.compile(rf"Embedder {space} is ready at (http://127\.0\.0\.1:\d+)")
        try:
            messages = (json.loads(line)["message"] for line in process.stderr)  # each line is JSON
            found = next(filter(None, map(ready.fullmatch, messages)))
            yield process, found[1]
        finally:
            if process.poll() is None:
                process.kill()


def test_vggish_with_ibms_relu(vggish_weights: Path, shared_data: Path):
    sound = decoding.decode(shared_data / "max-samples" / "car-horn.wav", max_seconds=60).pcm
    with serving("vggish-relu-pca", "--model", "vggish", "--relu", "--weights", str(vggish_weights)) as (_, url):
        client = EmbedderClient(url)
        frames = client.embed(sound)
        said = client.metadata()
        client.close()
    assert (frames.space, said["id"], said["verified"]) == ("vggish-relu-pca", "audio_embeddings-tf", False)
    assert frames.vectors.shape == (4, 128)
    here = in_process("vggish-relu-pca", vggish_weights).embed(sound)
    assert np.array_equal(quantise(frames.vectors), quantise(here.vectors))


def test_the_default_answers_what_it_computes_and_stops():
    with serving("yamnet-fp32") as (process, url):
        client = EmbedderClient(url)
        assert client.ready()
        frames = client.embed(PCM, tags=True)
        said = client.metadata()
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    here = in_process("yamnet", None).embed(PCM, tags=True)
    assert (frames.vectors.shape, frames.tags.shape, frames.hop) == ((4, 1024), (4, 521), 0.96)
    assert said["verified"] and tuple(said["tag_names"]) == here.tag_names == frames.tag_names
    # Rows of two runs may be batched differently.
    np.testing.assert_allclose(frames.vectors, here.vectors, rtol=0, atol=1e-5)
    np.testing.assert_allclose(frames.tags, here.tags, rtol=0, atol=1e-5)


def test_missing_weights_end_it_with_a_sentence(tmp_path: Path):
    run = subprocess.run(
        [*COMMAND, "--model", "vggish", "--weights", str(tmp_path), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "LOG_LEVEL": "INFO"},
    )
    assert run.returncode != 0
    assert "no-weights: " in run.stderr and "Traceback" not in run.stderr and "ready" not in run.stdout


@pytest.mark.parametrize("options", [["--port", "99999"], ["--port", "-1"]])
def test_ports_that_there_are_not(options: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["embedder", *options])
    assert ended.value.code == 2
    assert "must lie between 0 and 65535" in capsys.readouterr().err


def test_a_relu_that_the_model_does_not_have(capsys: pytest.CaptureFixture[str]):
    assert main(["embedder", "--relu"]) == 1
    assert "--relu is for VGGish alone" in capsys.readouterr().err


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=110)
    assert run.returncode == 1
    assert re.fullmatch(rf"bad-settings: Port {port} of 127\.0\.0\.1 is not free .*: choose another\.\n", run.stderr)
