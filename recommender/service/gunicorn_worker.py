"""gunicorn's threads, behind a loop that reads each request whole.

gunicorn's own gthread worker hands a connection to a thread before it sent a request, and reads it there without a
time-out: as many slow connections as there are threads block everything. Here the loop of the worker reads, under
`Limits`; threads see whole requests alone; probes and metrics have threads of their own. A connection carries one
request, and is closed after its answer.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any, ClassVar

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException, UnsupportedTransferCoding
from gunicorn.workers.gthread import ThreadWorker

from recommender.service.connections import Connection, Limits

LIVE = "/livez"
PROBES = frozenset({LIVE, "/readyz", "/healthz", "/metrics"})
PROBE_THREADS = 4
RECEIVE_BYTES = 256 * 1024
LINGER_SECONDS = 2.0
"""How long a client may go on sending after its answer: closed at once, the answer would be lost on its way."""
SWEEP_SECONDS = 0.5
_REASONS = {408: "Request Timeout", 413: "Content Too Large", 431: "Headers Too Large", 503: "Service Unavailable"}
_STATUS_OF = {LimitRequestLine: 414, LimitRequestHeaders: 431, UnsupportedTransferCoding: 501}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The worker of the bot's web process; the embedder's has other limits."""

    limits: ClassVar[Limits] = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cfg.set("keepalive", 0)
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self._live = ThreadPoolExecutor(1, "live")
        self._arriving: dict[Connection, None] = {}
        self._held = 0
        self._next_sweep = 0.0

    def accept(self, listener: Any) -> None:
        """Take a connection; where too many send nothing whole, the oldest of them is closed."""
        if len(self._arriving) >= self.limits.connections:
            self._close(next(iter(self._arriving)))
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # no descriptors left
            self.log.error("no connection can be taken: %s", error.strerror)
            if self._arriving:
                self._close(next(iter(self._arriving)))
            return
        self.nr_conns += 1
        self._watch(Connection(self.cfg, sock, client, listener.getsockname(), self.limits))

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse TLS: the proxy in front ends it."""
        if cfg.is_ssl:
            raise RuntimeError("TLS is ended by the proxy in front of this server: leave certfile and keyfile out.")

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        """Close a connection that was answered, without the loop waiting for its client."""
        self._release(conn)
        self._linger(conn)

    def murder_pending(self) -> None:
        """Return up what took too long; called by gunicorn after each turn of its loop."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_SECONDS
        for conn in list(self._arriving):
            if conn.ends <= now and not conn.refused:
                self._refuse(conn, 408)
            elif conn.ends <= now or not (self.alive or conn.needs or conn.refused):
                self._close(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse what is no HTTP, without repeating it in the log."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = next((status for kind, status in _STATUS_OF.items() if isinstance(exc, kind)), 400)
        self.log.info("refused %d: %s", status, type(exc).__name__)
        with suppress(OSError):
            util.write_error(client, status, "Bad Request", "")

    def _watch(self, conn: Connection) -> None:
        conn.sock.setblocking(False)
        self._arriving[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: Connection, sock: Any) -> None:
        try:
            data = sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._close(conn)
        elif not conn.refused:
            self._arrived(conn, data)

    def _arrived(self, conn: Connection, data: bytes) -> None:
        ended_head = conn.take(data)
        if status := conn.too_much():
            self._refuse(conn, status)
            return
        self._hold(conn)
        if conn.refused:
            return
        if conn.whole():
            self._serve(conn)
        elif ended_head and conn.wants_continue:
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hold(self, conn: Connection) -> None:
        """Count what a request holds; over the budget, those that arrive and hold the most are refused."""
        self._held += conn.needs - conn.held
        conn.held = conn.needs
        while self._held > self.limits.held_bytes and conn.held:
            self._refuse(max(self._arriving, key=lambda each: each.held), 503)

    def _serve(self, conn: Connection) -> None:
        path = conn.path
        if path != LIVE and self.nr_conns - len(self._arriving) >= self.limits.connections:
            self._refuse(conn, 503)
            return
        self._forget(conn)
        pool = self._live if path == LIVE else self._probes if path in PROBES else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _refuse(self, conn: Connection, status: int) -> None:
        self.log.info("refused %d: %s", status, _REASONS[status])
        again = "Retry-After: 1\r\n" if status == 503 else ""
        answer = f"HTTP/1.1 {status} {_REASONS[status]}\r\nConnection: close\r\nContent-Length: 0\r\n{again}\r\n"
        with suppress(OSError):
            conn.sock.send(answer.encode())
        self._forget(conn)
        self._release(conn)
        self._linger(conn)

    def _linger(self, conn: Connection) -> None:
        """Read on without heed until the client has the answer, then close."""
        conn.refused, conn.ends = True, time.monotonic() + LINGER_SECONDS
        try:
            conn.sock.shutdown(1)
            self._watch(conn)
        except (OSError, ValueError):  # closed already, by the client or by whoever answered
            self._arriving.pop(conn, None)
            self.nr_conns -= 1
            conn.close()

    def _forget(self, conn: Connection) -> None:
        self._arriving.pop(conn, None)
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _release(self, conn: Connection) -> None:
        self._held -= conn.held
        conn.held = 0
        conn.drop()

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self._release(conn)
        self.nr_conns -= 1
        conn.close()
