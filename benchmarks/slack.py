"""`python -m benchmarks.slack [CATALOGUE] [--json]`: the bot's times through the sandbox, on real processes.

Starts Redis, sandbox, embedder, one worker and one bot. CATALOGUE must hold MusiCNN vectors for the uploads; without it
a small one is made. Every command asks for another clip, so that no answer comes out of the cache until all were asked.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from recommender.audio import SAMPLE_RATE
from recommender.audio.wav import wav_bytes
from recommender.catalogue.local.catalogue import LocalCatalogue
from sandbox.client.driver import Driver, direct_message, text_of
from sandbox.names import ADA, SOUNDS
from tests.scenarios.stack import Stack

COMMANDS = 300
RATE = 100
"""Commands a second that one bot process must sustain."""
RATE_SECONDS = 20
TYPISTS = 64
"""Threads that type: enough that none waits for another's answer."""
UPLOADS = 20
UPLOAD_SECONDS = 10
LONG_UPLOADS, LONG_SECONDS = 10, 60
PROBES = 60
SPACING_SECONDS = 1.05
"""Slack takes one message a second and channel."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slack", description=__doc__)
    parser.add_argument("catalogue", type=Path, nargs="?", help="folder of a catalogue of MusiCNN vectors")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seconds", type=float, default=RATE_SECONDS, help="length of the load (default %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            found = _measured(stack, options.catalogue, options.seconds)
        finally:
            stack.close()
    print(json.dumps(found) if options.json else _table(found))


def _measured(stack: Stack, catalogue: Path | None, seconds: float) -> dict[str, dict[str, float]]:
    settings = {"CATALOGUE": str(catalogue.resolve())} if catalogue else {}
    stack.start_worker(**settings)
    bot = stack.start_bot(**settings)
    ids = _ids(catalogue or stack.catalogue)
    driver = stack.driver
    for each in ids[:20]:
        driver.command(each)
    return {
        "command to posted answer": _alone(driver, ids),
        f"command at {RATE}/s": _load(stack, ids, seconds, psutil.Process(bot.child.pid)),
        "upload of 10 s, without the embedder": _uploads(stack),
        f"ack while {LONG_UPLOADS} uploads of {LONG_SECONDS} s are worked": _acks(stack),
    }


def _ids(folder: Path) -> list[str]:
    """Ids of a catalogue in an order of their own, repeated where there are few."""
    catalogue = LocalCatalogue.open(folder)
    items = np.random.default_rng(1).permutation(len(catalogue))[:10_000].tolist()
    ids = [clip.clip_id for clip in catalogue.clips(items)]
    catalogue.close()
    return ids


def _alone(driver: Driver, ids: list[str]) -> dict[str, float]:
    """One command after the other; the answer travels in the acknowledgement, or is waited for."""
    return _figures([_command(driver, ids[number % len(ids)]) for number in range(COMMANDS)])


def _command(driver: Driver, text: str) -> float:
    started = time.perf_counter()
    outcome = driver.command(text)
    if not outcome["acked"]:
        raise RuntimeError(f"a command was not acknowledged: {outcome}")
    if not outcome["response"]:
        driver.wait_for(lambda: driver.ephemerals(), what="an answer")
        return (time.perf_counter() - started) * 1000
    return float(outcome["ms"])


def _load(stack: Stack, ids: list[str], seconds: float, bot: psutil.Process) -> dict[str, float]:
    """Commands at a fixed rate, whatever the answers take."""
    missed: list[Any] = []
    times: list[float] = []
    late = [0]
    local = threading.local()

    def typed(number: int) -> None:
        if not hasattr(local, "driver"):
            local.driver = Driver(stack.url)
        outcome = local.driver.command(ids[number % len(ids)])
        if outcome["acked"]:
            times.append(float(outcome["ms"]))
            late[0] += not outcome["response"]
        else:
            missed.append(outcome["error"])

    before, memory = _cpu(bot), bot.memory_info().rss
    started = time.perf_counter()
    with ThreadPoolExecutor(TYPISTS) as typists:
        for number in range(int(RATE * seconds)):
            pause = started + number / RATE - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            typists.submit(typed, number)
    took = time.perf_counter() - started
    return {
        **_figures(times),
        "sent": float(int(RATE * seconds)),
        "missed": float(len(missed)),
        "answered_after_ack": float(late[0]),
        "per_second": len(times) / took,
        "bot_cpu_share": (_cpu(bot) - before) / took,
        "bot_growth_megabytes": (bot.memory_info().rss - memory) / (1 << 20),
    }


def _uploads(stack: Stack) -> dict[str, float]:
    """Uploads in a direct message, one after the other, each of a sound that nobody has sent before."""
    room = direct_message(ADA)
    for number in range(UPLOADS):
        question = stack.driver.upload(room, _wav(stack.folder / f"short-{number}.wav", UPLOAD_SECONDS, number))
        stack.driver.wait_reply(question, lambda m: "Clips like" in text_of(m), timeout=60)
        time.sleep(SPACING_SECONDS)
    lines = _until(lambda: _log_lines(stack, "upload"), UPLOADS)
    return _figures([line["ms"] - line["steps_ms"].get("embed", 0.0) for line in lines])


def _acks(stack: Stack) -> dict[str, float]:
    """Acknowledgements of events and commands while long uploads are embedded."""
    files = [_wav(stack.folder / f"long-{n}.wav", LONG_SECONDS, 1000 + n) for n in range(LONG_UPLOADS)]
    since = stack.driver.traffic()[-1]["id"] + 1
    stack.driver.say(SOUNDS, "", files)
    for number in range(PROBES):
        stack.driver.mention(SOUNDS, "help") if number % 20 == 0 else stack.driver.open_home()
        time.sleep(0.1)
    entries = [e for e in stack.driver.traffic(since, kind="event") if e.get("ms") is not None]
    return {**_figures([float(e["ms"]) for e in entries]), "events": float(len(entries))}


def _wav(path: Path, seconds: int, seed: int) -> Path:
    random = np.random.default_rng(seed)
    time_axis = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * pitch * time_axis) for pitch in random.uniform(100, 2000, 4))
    path.write_bytes(wav_bytes((tones * 4000 + random.normal(0, 300, len(time_axis))).astype(np.int16)))
    return path


def _log_lines(stack: Stack, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (stack.folder / "worker.log").read_text().splitlines() if line[:1] == "{"]
    return [line for line in lines if line.get("kind") == kind and line["outcome"] == "answered"]


def _until(look: Callable[[], list[dict[str, Any]]], count: int) -> list[dict[str, Any]]:
    for _ in range(100):
        if len(found := look()) >= count:
            return found
        time.sleep(0.05)
    raise RuntimeError(f"only {len(found)} of {count} are in the log")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _figures(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {
        "median_ms": statistics.median(ordered),
        "p95_ms": ordered[int(len(ordered) * 0.95)],
        "max_ms": ordered[-1],
    }


def _table(found: dict[str, dict[str, float]]) -> str:
    lines = [f"{'':<46} {'median':>9} {'p95':>9} {'max':>9}"]
    for name, figures in found.items():
        times = " ".join(f"{figures[key]:>6.0f} ms" for key in ("median_ms", "p95_ms", "max_ms"))
        more = ", ".join(f"{key} {value:.6g}" for key, value in figures.items() if not key.endswith("_ms"))
        lines.append(f"{name:<46} {times}" + (f"  {more}" if more else ""))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
