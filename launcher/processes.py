"""Child processes of the first run: started from the Procfile's lines, logged to files, stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

STOP_SECONDS = 12.0
"""How long a process may take to finish what it is doing after SIGTERM: the worker's ten seconds, and some."""


def procfile_lines(path: Path) -> dict[str, str]:
    """Return the commands of a Procfile by their names."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split(":", 1) for line in lines if line and not line.startswith("#"))
    return {name.strip(): command.strip() for name, command in pairs}


class Process:
    """One child in a process group of its own, so that Ctrl-C in the terminal reaches only its parent."""

    def __init__(self, name: str, command: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S602 - the Procfile's lines are shell commands, as every Procfile's are
                f"exec {command}",
                shell=True,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._child.poll()

    def last_lines(self, count: int = 15) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process; its children are its own to stop."""
        if self.exit_status is None:
            self._child.terminate()

    def wait_stopped(self, deadline: float) -> None:
        """Wait until `deadline` on the monotonic clock, then kill what is left of the process group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()


def stop_all(processes: list[Process]) -> None:
    """Stop processes one after the other, last started first: whoever drains still has what it depends on."""
    deadline = time.monotonic() + STOP_SECONDS
    for process in reversed(processes):
        process.ask_to_stop()
        process.wait_stopped(deadline)
