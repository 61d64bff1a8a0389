"""Starts a sandbox as a process of its own, for tests and benchmarks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SECONDS = 10.0


@contextmanager
def running(*arguments: str, port: int = 0) -> Iterator[str]:
    """Run `python -m sandbox` for as long as the block lasts; yields its address; raises RuntimeError."""
    command = [sys.executable, "-m", "sandbox", "--port", str(port), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise RuntimeError(f"the sandbox did not start: exit status {process.wait(STOP_SECONDS)}")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
