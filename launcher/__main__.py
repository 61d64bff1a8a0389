"""Starts the whole of Soundalike on this machine: `make run`.

With Slack's tokens in .env the bot serves the real workspace; without them, a sandbox with a page to try it in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import requests

from bot.manifest import as_text
from bot.settings import BotSettings
from launcher.processes import Process, procfile_lines, stop_all
from recommender.catalogue import read_facts
from recommender.catalogue.base import Facts
from recommender.catalogue.local.manifest import Manifest
from recommender.embedders import registry
from recommender.errors import SoundalikeError
from recommender.library.additions import folders_of
from recommender.settings import load
from recommender.spelling import shown
from sandbox import names

PROJECT = Path(__file__).resolve().parents[1]
STATE = PROJECT / ".run"
SAMPLES = STATE / "samples"
START_SECONDS = 120.0
"""How long a process may take until it is ready; TensorFlow's first import on a slow disk takes most of a minute."""


class StartFailed(SoundalikeError):
    """Something did not start; the message says what, and what to do."""

    code = "start-failed"


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def say(what: str, text: str) -> None:
    """Print one aligned line of progress."""
    print(f"  {what:<10} {text}", flush=True)


def main() -> int:
    """Start everything, wait for Ctrl-C, stop everything."""
    parser = argparse.ArgumentParser(prog="python -m launcher", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8090, help="port of the sandbox's page (default 8090)")
    parser.add_argument("--library", type=Path, help="index this folder of audio, not the samples")
    parser.add_argument("--out", type=Path, help="folder of its catalogue (default: one in .run/catalogues)")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    print("Soundalike", flush=True)
    try:
        with _running(load(BotSettings), arguments.port, arguments.library, arguments.out) as processes:
            _watch(processes)
    except Stopped:
        return 0
    except SoundalikeError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
    raise Stopped


@contextmanager
def _running(settings: BotSettings, port: int, library: Path | None, out: Path | None) -> Iterator[list[Process]]:
    start = _Start(settings, port)
    if not start.real:
        _require_free(port)
    folder = None if library is None and settings.catalogue else _library(library)
    try:
        start.redis()
        if folder is None:
            catalogue = str(settings.catalogue)
            facts: Facts | None = read_facts(catalogue)
        else:
            catalogue = str(out or _catalogue_of(folder))
            facts = Manifest.standing(Path(catalogue))
        start.environment["CATALOGUE"] = catalogue
        roots = {"": folder} if folder is not None else {} if facts is None else folders_of(facts)
        if roots and settings.library_url is None:
            start.library(roots)
        if not start.real:
            start.sandbox(playing=bool(roots))
        starting = start.embedder(facts)  # loads TensorFlow while the library is written and indexed
        if folder is not None:
            _write_samples(folder)
            start.index(folder)
        starting += [start.answering("worker"), start.answering("bot")]
        for process, address in starting:
            _wait_ready(process, f"{address}/healthz")
            say(process.name, "ready")
        _check(start.environment)
        _say_where(start.real, port)
        yield start.processes
    finally:
        if start.processes:
            print("\nStopping …", flush=True)
        stop_all(start.processes)


class _Start:
    """Starts one process after the other; what one of them settles is in the environment of the next.

    real: whether the tokens of a real workspace are there, in place of the sandbox.
    """

    def __init__(self, settings: BotSettings, port: int) -> None:
        self.real = bool(settings.slack_bot_token and settings.slack_app_token)
        self.processes: list[Process] = []
        self._settings = settings
        self._port = port
        self._redis_port = _free_port()
        self.environment = _environment(self.real, port, self._redis_port)
        self._lines = procfile_lines(PROJECT / "Procfile")

    def _process(self, name: str, command: str) -> Process:
        process = Process(name, command, self.environment, STATE / "logs" / f"{name}.log")
        self.processes.append(process)
        return process

    def answering(self, name: str) -> tuple[Process, str]:
        """Start a process of the Procfile; returns it with the address of its probes."""
        port = self.environment["HEALTH_PORT"] = self.environment["EMBEDDER_PORT"] = str(_free_port())
        return self._process(name, self._lines[name]), f"http://127.0.0.1:{port}"

    def redis(self) -> None:
        """Start the queue."""
        folder = shlex.quote(str(STATE / "redis"))
        self._process("redis", f"python -m launcher.redis --port {self._redis_port} --dir {folder}")

    def library(self, roots: Mapping[str, Path]) -> None:
        """Serve libraries' files by their names, on the next port, so that links of yesterday play today."""
        port = self._port + 1 if _is_free(self._port + 1) else _free_port()
        named = [part for name, root in roots.items() for part in ("--serve", name, str(root))]
        self._process("library", f"python -m launcher.library --port {port} {shlex.join(named)}")
        self.environment["LIBRARY_URL"] = f"http://127.0.0.1:{port}"

    def sandbox(self, *, playing: bool) -> None:
        """Start the sandbox with the app as it is set up; playing: whether there are clips that can be listened to."""
        settings = self._settings
        # In a real workspace the app has to be granted what the button needs.
        if playing and "listen_button" not in settings.model_fields_set:
            self.environment["LISTEN_BUTTON"] = "true"
            settings = settings.model_copy(update={"listen_button": True})
        manifest = STATE / "manifest.json"
        manifest.write_text(as_text(settings=settings), encoding="utf-8")
        self._process("sandbox", f"python -m sandbox --port {self._port} --manifest {shlex.quote(str(manifest))}")

    def embedder(self, facts: Facts | None) -> list[tuple[Process, str]]:
        """Choose the embedder, and start it where none runs already; facts: of the catalogue that stands.

        A library is embedded as it was before, unless the environment names another embedder.
        """
        before = registry.default().name if facts is None else registry.named(facts.space).name
        if facts is not None and facts.kind == "audioset" and (self._settings.weights or facts.weights) is None:
            # VGGish's weights are to be fetched: until then uploads are compared by the default embedder's labels.
            before = registry.default().name
        name = registry.named(self.environment.setdefault("EMBEDDER", before)).name
        if facts is not None and facts.weights is not None and self._settings.weights is None and name == before:
            self.environment["WEIGHTS"] = str(facts.weights)
        if self._settings.embedder_url is not None:
            return []
        started = self.answering("embedder")
        self.environment["EMBEDDER_URL"] = started[1]
        return [started]

    def index(self, folder: Path) -> None:
        """Index a folder, by the embedders that run already where the settings name some."""
        name = registry.named(self.environment["EMBEDDER"]).name
        urls = (self._settings.embedder_url or "").split(",")
        by = [part for url in urls if url.strip() for part in ("--embedder-url", url.strip())]
        say("catalogue", f"indexing {_short(folder)} with {name} …")
        build = ["build", "library", str(folder), "--out", self.environment["CATALOGUE"], *(by or ["--embedder", name])]
        _command(self.environment, "recommender", *build)


def _environment(real: bool, port: int, redis_port: int) -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment["REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"
    environment["PYTHONUNBUFFERED"] = "1"
    if not real:
        environment |= names.slack_environment(f"http://127.0.0.1:{port}")
    return environment


def _library(library: Path | None) -> Path:
    """Return the folder to index; without one, that of the samples."""
    if library is None:
        return SAMPLES
    folder = library.expanduser()
    if not folder.is_dir():
        raise StartFailed(f"There is no folder {folder}: name one that holds audio, as in `make run LIBRARY=~/Music`.")
    return folder


def _write_samples(folder: Path) -> None:
    """Write the samples where they are what is indexed, once."""
    if folder == SAMPLES and not folder.is_dir():
        say("sounds", "writing a starter library of synthesised sounds …")
        _command(dict(os.environ), "launcher.samples", str(folder))


def _catalogue_of(folder: Path) -> Path:
    """Return where the catalogue of a library is kept: under its name, and where another library of that name has one,
    under a name of its own."""
    root = folder.resolve()
    catalogue = STATE / "catalogues" / root.name
    standing = Manifest.standing(catalogue)
    if standing is None or standing.extra.get("folder") == str(root):
        return catalogue
    return catalogue.with_name(f"{root.name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:8]}")


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def _command(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], env=environment, cwd=PROJECT, check=False)
    if done.returncode != 0:
        raise StartFailed(f"`python -m {' '.join(arguments)}` failed: see above.")


def _check(environment: dict[str, str]) -> None:
    """Say what `bot check` finds wrong; what is left works all the same."""
    command = [sys.executable, "-m", "bot", "check", "--json"]
    done = subprocess.run(command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, check=False)
    if done.returncode == 0:
        say("check", "all is well")
        return
    for finding in json.loads(done.stdout or '{"findings": []}')["findings"]:
        if finding["works"] is False:
            say("check", f"{finding['name']}: {shown(finding['text'])}")


def _wait_ready(process: Process, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.exit_status is not None:
            break
        try:
            if requests.get(url, timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise StartFailed(f"The {process.name} did not start. The end of {process.log}:\n\n{process.last_lines()}")


def _say_where(real: bool, port: int) -> None:
    if real:
        print("\nServing your Slack workspace: type /similar there. Ctrl-C stops everything.", flush=True)
        return
    page = f"http://127.0.0.1:{port}"
    print(f"\nOpen {page} and type /similar, or drop a sound there. Ctrl-C stops everything.", flush=True)


def _watch(processes: list[Process]) -> NoReturn:
    while True:
        for process in processes:
            if process.exit_status is not None:
                raise StartFailed(
                    f"The {process.name} ended with status {process.exit_status}. The end of {process.log}:\n\n"
                    f"{process.last_lines()}"
                )
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require_free(port: int) -> None:
    if not _is_free(port):
        raise StartFailed(f"Port {port} is taken: name another one, as in `make run PORT={port + 1}`.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
