"""Each refusal of an upload: a sentence with what to do next, and its code, which the log has too."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.audio.wav import wav_bytes
from sandbox.client.driver import Driver, Json, direct_message, text_of
from sandbox.names import ADA, BEN, MIA, SOUNDS
from tests.scenarios.stack import Stack
from tests.support.audio import melody, pcm16

ROOM = direct_message(ADA)


def wav(path: Path, seconds: float, *, seed: int = 5, silent: bool = False) -> Path:
    pcm = np.zeros(int(seconds * 16000), np.int16) if silent else pcm16(melody(seconds, seed=seed))
    path.write_bytes(wav_bytes(pcm))
    return path


class LikeMax(BaseHTTPRequestHandler):
    """Names no space, as IBM's container does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"id": "audio_embeddings-tf"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def like_max() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), LikeMax) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def refused(slack: Driver, stack: Stack, question: Json, code: str) -> str:
    """Wait for the refusal of an upload; the log has its code too."""
    reply = slack.wait_reply(question, lambda m: f"`{code}`" in text_of(m), timeout=20)
    assert len(slack.replies(question)) == 1
    logged = f'"code": "{code}"'
    slack.wait_for(lambda: any(logged in log.read_text() for log in stack.folder.glob("*worker.log")), every=0.05)
    text = str(reply["text"])
    assert text.endswith("."), text
    return text


def test_too_long(slack: Driver, stack: Stack, tmp_path: Path):
    tone = (np.sin(np.arange(61 * 16000) / 7) * 9000).astype(np.int16)
    (tmp_path / "long.wav").write_bytes(wav_bytes(tone))
    assert "60" in refused(slack, stack, slack.upload(ROOM, tmp_path / "long.wav"), "too-long")


def test_too_large_is_known_before_the_download(slack: Driver, stack: Stack, tmp_path: Path):
    (tmp_path / "large.wav").write_bytes(b"RIFF" + bytes(4_000_001))
    assert "4.0 MB" in refused(slack, stack, slack.upload(ROOM, tmp_path / "large.wav"), "too-large")
    assert slack.traffic(kind="download") == []


def test_silent(slack: Driver, stack: Stack, tmp_path: Path):
    refused(slack, stack, slack.upload(ROOM, wav(tmp_path / "mute.wav", 4, silent=True)), "silent")


def test_too_short(slack: Driver, stack: Stack, tmp_path: Path):
    refused(slack, stack, slack.upload(ROOM, wav(tmp_path / "tick.wav", 0.003)), "too-short")


def test_not_audio_and_cannot_be_decoded(slack: Driver, stack: Stack, tmp_path: Path):
    (tmp_path / "words.mp3").write_bytes(b"these are words " * 50)
    refused(slack, stack, slack.upload(ROOM, tmp_path / "words.mp3"), "not-audio")
    # A FLAC whose header is whole and whose sound is not.
    flac = b"fLaC" + bytes([0x80, 0, 0, 34]) + bytes(34)
    (tmp_path / "broken.flac").write_bytes(flac + b"\x55" * 400)
    question = slack.upload(ROOM, tmp_path / "broken.flac")
    reply = slack.wait_reply(question, lambda m: any(f"`{c}`" in text_of(m) for c in ("cannot-decode", "not-audio")))
    assert str(reply["text"]).startswith("broken.flac: ")


@pytest.mark.parametrize(
    ("faults", "code", "word"),
    [
        ({"file_mode": "tombstone"}, "deleted-file", "deleted"),
        ({"file_mode": "hidden_by_limit"}, "hidden-file", "limit"),
        ({"file_access": "access_denied"}, "hidden-file", "organisation"),
        ({"files_html": True}, "missing-scope", "files:read"),
        ({"redirect_files_to": "http://127.0.0.1:9/elsewhere"}, "foreign-file", "upload"),
    ],
)
def test_what_slack_withholds(
    slack: Driver, stack: Stack, tmp_path: Path, faults: dict[str, Any], code: str, word: str
):
    slack.faults(**faults)
    assert word in refused(slack, stack, slack.upload(ROOM, wav(tmp_path / "a.wav", 3.2)), code)


def test_a_file_of_slack_connect_is_asked_for(slack: Driver, sound: Path):
    slack.faults(file_access="check_file_info", shares_missing_for=0.5)
    question = slack.upload(SOUNDS, sound)
    slack.wait_reply(question, lambda m: "Clips like" in text_of(m), timeout=20)


def test_a_missing_scope_is_named(slack: Driver, stack: Stack, tmp_path: Path):
    scopes = list(slack.state()["app"]["scopes"])
    slack.configure(scopes=[scope for scope in scopes if scope != "files:read"])
    try:
        question = slack.upload(ROOM, wav(tmp_path / "a.wav", 3.2))
        assert "files:read" in refused(slack, stack, question, "missing-scope")
    finally:
        slack.configure(scopes=scopes)


def test_a_deleted_file(slack: Driver, stack: Stack, tmp_path: Path):
    slack.faults(file_delay=1.0)
    question = slack.upload(ROOM, wav(tmp_path / "a.wav", 3.2))
    slack.wait_reply(question)
    slack.faults(file_mode="tombstone")
    again = slack.upload(ROOM, wav(tmp_path / "b.wav", 3.2))
    refused(slack, stack, again, "deleted-file")


def test_an_embedder_of_another_space_is_refused(slack: Driver, stack: Stack, tmp_path: Path):
    with like_max() as url, stack.only_worker(EMBEDDER_URL=url):
        question = slack.upload(ROOM, wav(tmp_path / "new.wav", 3.6, seed=77))
        text = str(slack.wait_reply(question, lambda m: "`space-mismatch`" in text_of(m))["text"])
    assert "musicnn-msd" in text
    assert "vggish-relu-pca" in text


def test_who_asks_too_much_is_told_and_a_full_queue_says_busy(slack: Driver, stack: Stack, tmp_path: Path):
    files = [wav(tmp_path / f"{n}.wav", 3.2, seed=n) for n in range(3)]
    if time.time() % 60 > 40:
        time.sleep(60 - time.time() % 60)  # limits count by the minute: all of this must fall into one
    with stack.only_bot(UPLOADS_PER_MINUTE="2", QUESTIONS_PER_MINUTE="1", QUEUE_LIMIT="1"):
        slack.command("help")
        slack.command("help")
        slack.wait_ephemeral(lambda m: "`rate-limited`" in text_of(m))
        slack.faults(file_delay=1.5)
        taken = slack.upload(direct_message(BEN), files[0], user=BEN)
        slack.wait_reply(taken, lambda m: "Listening to" in text_of(m))
        refused(slack, stack, slack.upload(direct_message(MIA), files[1], user=MIA), "busy")
        slack.wait_reply(taken, lambda m: "Clips like" in text_of(m))
        slack.faults(file_delay=0.0)
        slack.wait_reply(slack.upload(SOUNDS, files[1], user=MIA), lambda m: "Clips like" in text_of(m))
        refused(slack, stack, slack.upload(direct_message(MIA), files[2], user=MIA), "rate-limited")
