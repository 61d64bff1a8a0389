"""`python -m benchmarks.hostile [--json]`: hostile requests to the web process and to the embedder, on real processes.

Prints, for each, the statuses that were answered, what memory did, and the slowest answers of `/livez` and of an honest
request meanwhile. 500 requests each: unsigned, badly signed, too large, broken, slow, and hung up.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import socket
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import requests

from recommender.audio import SAMPLE_RATE
from recommender.audio.wav import wav_bytes
from tests.scenarios.stack import Process, Stack

REQUESTS = 500
AT_A_TIME = 50
ANSWER_SECONDS = 60
WATCH_SECONDS = 0.1
LARGE = 60_000_000
"""Bytes of the largest WAV: half an hour of 16 kHz mono."""

Hostile = Callable[[random.Random], tuple[bytes, bool]]
"""Makes the bytes of a request, and says whether the client hangs up once they are sent."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Send and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="hostile requests each (default %(default)s)")
    parser.add_argument("--kinds", nargs="+", default=[], metavar="KIND", help="these kinds of requests alone")
    parser.add_argument("--only", choices=("web", "embedder"), help="one of the two")
    options = parser.parse_args(arguments)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            if options.only != "embedder":
                url = stack.start_web()
                found["web"] = attack(
                    url,
                    _process(stack, "web"),
                    _some(WEB, options.kinds),
                    options.requests,
                    partial(_status, f"{url}/readyz"),
                )
            if options.only != "web":
                url = stack.embedder_url
                process, kinds = _process(stack, "embedder"), _some(EMBEDDER, options.kinds)
                found["embedder"] = attack(url, process, kinds, options.requests, _embeds(url))
        finally:
            stack.close()
    print(json.dumps(found) if options.json else _table(found))


def attack(
    url: str, process: Process, kinds: dict[str, Hostile], count: int, honest: Callable[[], int]
) -> dict[str, Any]:
    """Send hostile requests to one service while it is watched. honest: a request that must be answered meanwhile."""
    names = [list(kinds)[number % len(kinds)] for number in range(count)]
    random.Random(7).shuffle(names)
    requests_made = {name: [kind(random.Random(number)) for number in range(2)] for name, kind in kinds.items()}
    rss = [_rss(process)]
    ended = multiprocessing.Event()
    watchers = [Watcher(ended, each) for each in (partial(_status, f"{url}/livez"), honest)]

    def measure() -> None:
        while not ended.wait(WATCH_SECONDS):
            rss.append(_rss(process))

    measurer = threading.Thread(target=measure)
    measurer.start()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        jobs = [pool.submit(_send, url, *requests_made[name][number % 2]) for number, name in enumerate(names)]
        outcomes = Counter((name, job.result()) for name, job in zip(names, jobs, strict=True))
    ended.set()
    measurer.join()
    (livez, _), (waits, answered) = (watcher.result() for watcher in watchers)
    statuses: dict[str, dict[str, int]] = {}
    for (name, status), times in sorted(outcomes.items()):
        statuses.setdefault(name, {})[status] = times
    return {
        "requests": count,
        "statuses": statuses,
        "rss_mb": {"before": rss[0], "peak": max(rss), "after": _rss(process)},
        "slowest_livez_ms": round(max(livez) * 1000, 1),
        "slowest_honest_ms": round(max(waits) * 1000, 1),
        "honest": {str(status): times for status, times in answered.items()},
        "alive": process.child.poll() is None,
    }


class Watcher:
    """Asks again and again in a process of its own: this one is busy attacking, and would wait for itself."""

    def __init__(self, ended: Any, call: Callable[[], int]) -> None:
        self._ended, self._call = ended, call
        self._found: Any = multiprocessing.Queue()
        multiprocessing.get_context("fork").Process(target=self._run, daemon=True).start()

    def result(self) -> tuple[list[float], Counter[int]]:
        """Return the seconds of all answers, and how often each status came."""
        seconds, statuses = self._found.get(timeout=2 * ANSWER_SECONDS)
        return seconds, statuses

    def _run(self) -> None:
        seconds: list[float] = []
        statuses: Counter[int] = Counter()
        while not seconds or not self._ended.wait(WATCH_SECONDS):
            took, status = _timed(self._call)
            seconds.append(took)
            statuses[status] += 1
        self._found.put((seconds, statuses))


def _send(url: str, data: bytes, hangs_up: bool) -> str:
    """Send one request and say how it ended: a status, `closed`, `hung up` or `no answer`."""
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname or "", address.port or 80), ANSWER_SECONDS) as connection:
            with suppress(OSError):  # refused while it is being sent: the answer may be there
                connection.sendall(data)
            if hangs_up:
                return "hung up"
            head = connection.recv(64)
    except TimeoutError:
        return "no answer"
    except OSError:
        return "closed"
    return head.split()[1].decode() if head.startswith(b"HTTP/") else "closed"


def _post(path: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: a", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _slack(body: bytes, stamp: str, proof: str) -> bytes:
    return _post("/slack/events", body, f"X-Slack-Request-Timestamp: {stamp}", f"X-Slack-Signature: {proof}")


_CLICK = b"payload=%7B%22response_url%22%3A%22http%3A%2F%2F127.0.0.1%3A6379%2F%22%7D"

WEB: dict[str, Hostile] = {
    "unsigned": lambda r: (_post("/slack/events", _CLICK), False),
    "time that is no number": lambda r: (_slack(_CLICK, "x", "v0=0"), False),
    "signature not ASCII": lambda r: (_slack(_CLICK, str(int(time.time())), "v0=\xe9"), False),
    "wrong signature": lambda r: (_slack(r.randbytes(900_000), str(int(time.time())), "v0=" + "0" * 64), False),
    "old": lambda r: (_slack(b"[" * 100_000, "1", "v0=0"), False),
    "too large": lambda r: (_post("/slack/events", b"x" * 100_000, length=2_000_000_000), False),
    "chunks without end": lambda r: (
        b"POST /slack/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n",
        False,
    ),
    "no HTTP": lambda r: (r.randbytes(2000) + b"\r\n\r\n", False),
    "long headers": lambda r: (b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000, False),
    "slow head": lambda r: (b"POST /slack/events HTT", False),
    "slow body": lambda r: (_post("/slack/events", r.randbytes(900_000), length=950_000), False),
    "hung up": lambda r: (_post("/slack/events", r.randbytes(500_000), length=600_000), True),
    "other paths": lambda r: (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", False),
}  # fmt: skip


def _upload(wav: bytes, name: str = "audio", mimetype: str = "audio/wav", length: int | None = None) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\nContent-Type: {mimetype}\r\n\r\n'
    body = head.encode() + wav + b"\r\n--b--\r\n"
    return _post("/model/predict", body, "Content-Type: multipart/form-data; boundary=b", length=length)


def _claims(rate: int, channels: int, bits: int, size: int) -> bytes:
    """A WAV header that claims what it likes, and little sound."""
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    return b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack(
        "<I", size
    ) + b"\1\2" * 2000  # fmt: skip


@lru_cache
def _noise(seconds: float) -> bytes:
    """Made once: this process would otherwise compute while it takes the time of answers."""
    noise = np.random.default_rng(7).integers(-32_768, 32_767, int(seconds * SAMPLE_RATE), np.int16)
    return wav_bytes(noise)


EMBEDDER: dict[str, Hostile] = {
    "no file": lambda r: (_upload(b"", name="other"), False),
    "no WAV": lambda r: (_upload(r.randbytes(50_000)), False),
    "another type": lambda r: (_upload(_noise(1), mimetype="text/html"), False),
    "impossible rate": lambda r: (_upload(_claims(4_000_000_000, 1, 16, 8000)), False),
    "many channels": lambda r: (_upload(_claims(16_000, 65_535, 16, 0xFFFFFFFF)), False),
    "one hertz": lambda r: (_upload(_claims(1, 1, 16, 4000)), False),
    "half an hour": lambda r: (_upload(_noise(LARGE / 2 / SAMPLE_RATE)), r.random() < 0.5),
    "too large": lambda r: (_upload(b"x" * 100_000, length=2_000_000_000), False),
    "slow body": lambda r: (_upload(_noise(30), length=5_000_000), False),
    "slow head": lambda r: (b"POST /model/pre", False),
    "hung up": lambda r: (_upload(_noise(60)), True),
    "no HTTP": lambda r: (r.randbytes(2000) + b"\r\n\r\n", False),
    "JSON": lambda r: (_post("/model/predict", b"[" * 100_000, "Content-Type: application/json"), False),
    "many parts": lambda r: (
        _post(
            "/model/predict",
            b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n" * 20_000 + b"--b--\r\n",
            "Content-Type: multipart/form-data; boundary=b",
        ),
        False,
    ),
}  # fmt: skip


def _status(url: str) -> int:
    return requests.get(url, timeout=ANSWER_SECONDS).status_code


def _embeds(url: str) -> Callable[[], int]:
    wav = _noise(5)
    return lambda: (
        requests.post(
            f"{url}/model/predict", files={"audio": ("a.wav", wav, "audio/wav")}, timeout=ANSWER_SECONDS
        ).status_code
    )


def _some(kinds: dict[str, Hostile], names: Sequence[str]) -> dict[str, Hostile]:
    return {name: kind for name, kind in kinds.items() if name in names} or kinds


def _timed(call: Callable[[], int]) -> tuple[float, int]:
    began = time.monotonic()
    try:
        status = call()
    except requests.RequestException:
        status = 0
    return time.monotonic() - began, status


def _process(stack: Stack, name: str) -> Process:
    return next(process for process in stack.processes if process.name == name)


def _rss(process: Process) -> int:
    """Megabytes of a process and its children."""
    own = psutil.Process(process.child.pid)
    return round(sum(each.memory_info().rss for each in (own, *own.children(recursive=True))) / 1e6)


def _table(found: dict[str, Any]) -> str:
    lines = []
    for name, figures in found.items():
        lines.append(f"{name}: {figures['requests']} hostile requests, {'alive' if figures['alive'] else 'DEAD'}")
        for kind, statuses in figures["statuses"].items():
            lines.append(f"  {kind:<24} " + ", ".join(f"{status}: {times}" for status, times in statuses.items()))
        memory = figures["rss_mb"]
        lines.append(f"  memory {memory['before']} MB before, {memory['peak']} at most, {memory['after']} after")
        lines.append(f"  slowest /livez {figures['slowest_livez_ms']} ms")
        lines.append(f"  slowest honest request {figures['slowest_honest_ms']} ms, statuses {figures['honest']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
