"""`make run` with a catalogue of AudioSet on a machine without VGGish's weights: files and words are answered."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.client.driver import Driver, direct_message, text_of
from sandbox.names import ADA
from tests.conftest import free_port
from tests.scenarios.stack import Process
from tests.support.audio import write_audio
from tests.support.catalogues import clips, clustered, write

LABELS = ("Music", "Sine wave", "Rain", "Musical instrument", "Synthesizer", "Speech")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A person in the sandbox of `make run`."""
    folder = tmp_path_factory.mktemp("audioset")
    write(
        folder / "c",
        clustered(120, clusters=len(LABELS)),
        clips(120, labels=LABELS),
        extra={"kind": "audioset", "links": "youtube"},
    )
    port = free_port()
    environment = {"CATALOGUE": str(folder / "c"), "EMBEDDER_URL": "", "WEIGHTS": "", "SLACK_APP_TOKEN": ""}
    # Beside a `make run` of this checkout, whose state is in its .run.
    code = f"import pathlib, launcher.__main__ as run; run.STATE = pathlib.Path({str(folder)!r}); run.main()"
    launcher = Process("launcher", ["-c", code, "--port", str(port)], environment, folder / "launcher.log")
    try:
        launcher.wait_for(re.compile("Open http"))
        yield Driver(f"http://127.0.0.1:{port}")
    finally:
        launcher.child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            launcher.child.wait(30)
        launcher.stop()


def test_a_dropped_file_is_answered_by_labels_and_words_are_understood(driver: Driver, tmp_path: Path):
    question = driver.upload(direct_message(ADA), write_audio(tmp_path / "a.wav", "pcm_s16le", seconds=3.5))
    answer = text_of(driver.wait_reply(question, lambda message: "Clips like" in text_of(message), timeout=60))
    assert "Labels were compared, not sounds" in answer and "fetch vggish" in answer and "*1.* <https://" in answer
    driver.command("downpour")
    said = text_of(driver.wait_ephemeral())
    assert said.startswith("*Clips for* downpour") and "downpour: Rain" in said
    assert not driver.refusals()
