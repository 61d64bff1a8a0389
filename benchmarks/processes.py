"""Runs a measurement in a process of its own, and watches the memory of it and its children."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

SAMPLE_SECONDS = 0.1
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Measured:
    """What a process took. cpu_seconds: of it and its children, which a busy machine changes less than the time by the
    clock; peak_megabytes: of them together, shared pages counted once (PSS)."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    output: str

    def json(self) -> Any:
        """Read the last line of the output."""
        return json.loads(self.output.splitlines()[-1])


def run(arguments: Sequence[str]) -> Measured:
    """Run `python ARGUMENTS` to its end; raises CalledProcessError where it fails."""
    started, used = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    peak = [0.0]
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, stop))
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    stop.set()
    watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments, output)
    return Measured(seconds, _cpu_of_children() - used, peak[0] / MEGABYTE, output)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(pid: int, peak: list[float], stop: threading.Event) -> None:
    while not stop.wait(SAMPLE_SECONDS):
        try:
            parent = psutil.Process(pid)
            peak[0] = max(peak[0], sum(map(_proportional, [parent, *parent.children(recursive=True)])))
        except psutil.Error:
            continue


def _proportional(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0.0
    # Mapped files count as well here: the catalogue's own pages are part of what a build holds.
    return float(getattr(memory, "pss", memory.rss))
