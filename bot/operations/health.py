"""`/healthz` and `/metrics` of every kind of process."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import redis
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from bot.services import Parts
from recommender.embedders.client import EmbedderClient
from recommender.errors import SoundalikeError

EMBEDDER_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a process needs. needed: without it the process is down, not merely degraded; remark: what is wrong,
    or a fact worth showing."""

    name: str
    works: bool
    remark: str = ""
    needed: bool = False


class Health:
    """Looks how a process fares. extra: checks of this kind of process alone."""

    def __init__(self, parts: Parts, extra: Callable[[], Iterable[Check]] = tuple) -> None:
        self._parts = parts
        self._extra = extra
        # Its own client: whoever asks for health waits seconds, not the minute that audio may take.
        url = parts.settings.embedder_url
        self._ears = EmbedderClient(url, timeout=EMBEDDER_SECONDS) if url else None

    def checks(self) -> list[Check]:
        """Look at everything now."""
        return [self._redis(), self._embedder(), self._catalogue(), *self._extra()]

    def report(self) -> tuple[int, dict[str, Any]]:
        """Give the HTTP status and the body of `/healthz`: `ready` and `degraded` are 200, `down` is 503."""
        checks = self.checks()
        broken = [check for check in checks if not check.works]
        status = "ready" if not broken else "down" if any(check.needed for check in broken) else "degraded"
        body = {
            "status": status,
            "why": [f"{check.name}: {check.remark}" for check in broken],
            "checks": {check.name: {"works": check.works, "remark": check.remark} for check in checks},
        }
        return (503 if status == "down" else 200), body

    def _redis(self) -> Check:
        try:
            self._parts.redis.ping()
        except redis.RedisError as error:
            return Check("redis", False, f"does not answer ({type(error).__name__}): no cache, no durable queue")
        return Check("redis", True)

    def _embedder(self) -> Check:
        if self._ears is None:
            return Check("embedder", False, "EMBEDDER_URL is not set: uploads are embedded in the worker itself")
        if self._ears.ready():
            return Check("embedder", True)
        return Check("embedder", False, "does not answer: uploads are refused until it does")

    def _catalogue(self) -> Check:
        try:
            catalogue = self._parts.recommender.catalogue
            catalogue.still_whole()
        except SoundalikeError as error:
            return Check("catalogue", False, str(error), needed=True)
        return Check("catalogue", True, f"{catalogue.id}, {len(catalogue)} clips", needed=True)


class Gauges(Collector):
    """Figures that are looked up when somebody asks: queue length and catalogue."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Any]:
        """Nothing ahead of time: Redis is not asked at registration."""
        return []

    def collect(self) -> Iterable[Any]:
        """Look now; what does not answer is left out."""
        looks = CounterMetricFamily("soundalike_cache_looks", "Looks into the cache", labels=["what", "hit"])
        for (what, hit), count in sorted(self._parts.cache.looks().items()):
            looks.add_metric([what, str(hit).lower()], count)
        yield looks
        try:
            length, dead = self._parts.queue.length(), self._parts.queue.dead()
        except redis.RedisError:
            pass
        else:
            yield GaugeMetricFamily("soundalike_queue_length", "Tasks that wait or are being worked", value=length)
            yield GaugeMetricFamily("soundalike_dead_letters", "Jobs that failed for good, of a week", value=dead)
        catalogue = self._parts.recommender.catalogue
        info = {"id": catalogue.id, "space": catalogue.manifest.space}
        yield InfoMetricFamily("soundalike_catalogue", "The catalogue that answers", value=info)
        yield GaugeMetricFamily("soundalike_catalogue_clips", "Clips in the catalogue", value=len(catalogue))


def metrics(registry: CollectorRegistry) -> tuple[bytes, str]:
    """Give the body and the content type of `/metrics`."""
    return generate_latest(registry), CONTENT_TYPE_LATEST


def serve(host: str, port: int, health: Health, registry: CollectorRegistry) -> ThreadingHTTPServer:
    """Serve both on a port, in a thread."""

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        def do_GET(self) -> None:
            """Answer one request."""
            if self.path == "/healthz":
                status, body = health.report()
                self._answer(status, json.dumps(body).encode(), "application/json")
            elif self.path == "/metrics":
                content, content_type = metrics(registry)
                self._answer(200, content, content_type)
            else:
                self._answer(404, b"not found\n", "text/plain")

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: these requests come every few seconds."""

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    _log.info("health and metrics on http://%s:%d", host, server.server_port)
    return server
