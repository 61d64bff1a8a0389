"""The port of probes and metrics in bot and worker, `HEALTH_PORT`."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bot.operations.health import PATHS, Health
from recommender.errors import SettingsError

PORTS = 20
"""So many ports are tried from HEALTH_PORT on: processes of one .env share the setting."""
CONNECTIONS = 64
"""Open at a time; beyond them the oldest is closed, so that slow ones hold up nobody."""
READ_SECONDS = 5

_log = logging.getLogger(__name__)


class HealthServer(ThreadingHTTPServer):
    """Serves probes and metrics, each connection in a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        self._open: dict[Any, None] = {}
        self._lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection."""
        with self._lock:
            self._open[request] = None
            oldest = next(iter(self._open)) if len(self._open) > CONNECTIONS else None
        if oldest is not None:
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Let go of a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    timeout = READ_SECONDS
    server: HealthServer

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path in PATHS:
            status, body, content_type = self.server.health.answer(path)
        else:
            status, body, content_type = 404, b"not found\n", "text/plain"
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: these requests come every few seconds."""


def serve(host: str, base: int, health: Health) -> HealthServer:
    """Serve at the first free port from `base` on, in a thread; raises `SettingsError`."""
    server = _bound(host, base, health)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    _log.info("health and metrics on http://%s:%d", host, server.server_port)
    return server


def _bound(host: str, base: int, health: Health) -> HealthServer:
    ports = range(base, min(base + PORTS, 65_536))
    for port in ports:
        try:
            return HealthServer((host, port), health)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            reason = error.strerror or type(error).__name__
            raise SettingsError(
                f"{host}:{port} cannot be served ({reason}): mend HEALTH_HOST or HEALTH_PORT."
            ) from None
    raise SettingsError(
        f"The ports {ports[0]} to {ports[-1]} of {host} are all taken: set HEALTH_PORT to another number, from which "
        "each process takes the first free one."
    )
