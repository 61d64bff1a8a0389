"""An embedder without a model: a real HTTP server that speaks MAX's contract for the space musicnn-msd.

Vectors are computed from the audio, the same for the same audio, in milliseconds. How it behaves is switched over HTTP:
`POST /control {"delay": seconds, "mode": "ok" | "garbage" | "short" | "error" | "busy"}`; `GET /counts` says what it
was asked. Run as `python -m tests.support.stand_in_embedder --port N`, which prints its address.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.audio.wav import read_wav
from recommender.embedders import musicnn
from recommender.embedders.client import SPACE_HEADER

SPEC = musicnn.SPEC
FRAMING = SPEC.framing


class State:
    """Switches and counts."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.delay = 0.0
        self.mode = "ok"
        self.begun = 0
        self.done = 0
        self.sounds: dict[str, int] = {}

    def begin(self, pcm: NDArray[np.int16]) -> None:
        with self.lock:
            self.begun += 1
            name = hashlib.sha256(pcm.tobytes()).hexdigest()[:16]
            self.sounds[name] = self.sounds.get(name, 0) + 1


def vectors_of(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """Band energies of each row's stretch: float32 (rows, dimension)."""
    rows = []
    for row in range(FRAMING.rows(len(pcm))):
        start = max(0, row * FRAMING.hop - FRAMING.before)
        spectrum = np.abs(np.fft.rfft(pcm[start : row * FRAMING.hop + FRAMING.window].astype(np.float32)))
        bands = np.array_split(spectrum, SPEC.dimension)
        rows.append([float(np.log1p(band.mean())) for band in bands])
    return np.array(rows, np.float32).reshape(-1, SPEC.dimension)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    state: State

    def do_GET(self) -> None:
        if self.path == "/counts":
            with self.state.lock:
                counts = {"begun": self.state.begun, "done": self.state.done, "sounds": dict(self.state.sounds)}
            self._answer(200, counts)
        elif self.path == "/healthz":
            self._answer(200, {"status": "ready"})
        elif self.path == "/model/metadata":
            self._answer(200, {"id": "stand-in", "space": SPEC.space, "dimension": SPEC.dimension, "hop": SPEC.hop})
        else:
            self._answer(404, {"status": "error", "message": "not found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/control":
            for name, value in json.loads(body).items():
                setattr(self.state, name, value)
            self._answer(200, {})
        else:
            self._predict(body)

    def _predict(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts: Any = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        samples, _ = read_wav(next(iter(parts.iter_parts())).get_payload(decode=True))
        pcm = samples[:, 0]
        self.state.begin(pcm)
        time.sleep(self.state.delay)
        mode = self.state.mode
        if mode == "error":
            self._answer(500, {"status": "error", "message": "it broke"})
        elif mode == "busy":
            self._answer(503, {"status": "error", "message": "too much"})
        elif mode == "garbage":
            self._answer(200, {"status": "ok", "embedding": "<html>hello</html>"})
        else:
            rows = vectors_of(pcm).tolist()
            self._answer(200, {"status": "ok", "embedding": [row[:7] for row in rows] if mode == "short" else rows})
            with self.state.lock:
                self.state.done += 1

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header(SPACE_HEADER, SPEC.space)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Takes a burst of connections, and says nothing of those that break."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients are killed on purpose."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    Handler.state = State()
    server = Server(("127.0.0.1", port), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
