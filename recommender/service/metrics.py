"""The counters of the embedder's service, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from flask import Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from recommender.service.probes import State
from recommender.service.process_metrics import families, register_process

_BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64)


class ServiceMetrics:
    """Counters of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.seconds = Counter(
            "soundalike_embedder_audio_seconds", "Seconds of audio embedded", registry=self._registry
        )
        self.waiting = Gauge(
            "soundalike_embedder_requests_waiting", "Requests in work or waiting", registry=self._registry
        )
        self._rows = Histogram(
            "soundalike_embedder_batch_rows", "Rows run at once", registry=self._registry, buckets=_BATCH_ROWS
        )
        self._steps = Histogram(
            "soundalike_embedder_step_seconds", "Seconds of each step of a request", ["step"], registry=self._registry
        )
        self._answers = Counter(
            "soundalike_embedder_answers", "Answers by path and status", ["path", "status"], registry=self._registry
        )

    def tell_of(self, states: Callable[[], dict[str, State]]) -> None:
        """Add the process's own figures, and which of its parts work."""

        class Parts(Collector):
            def collect(self) -> Iterable[Any]:
                return families(states())

        self._registry.register(Parts())
        register_process(self._registry)

    def step(self, name: str) -> AbstractContextManager[object]:
        """Time a step of a request."""
        timer: AbstractContextManager[object] = self._steps.labels(name).time()
        return timer

    def batch(self, rows: int) -> None:
        """Count a batch."""
        self._rows.observe(rows)

    def answered(self, response: Response) -> Response:
        """Count an answer, under the route it took: paths that do not exist share one name."""
        path = request.url_rule.rule if request.url_rule is not None else "other"
        self._answers.labels(path, str(response.status_code)).inc()
        return response

    def text(self) -> bytes:
        """Return all counters in text."""
        return generate_latest(self._registry)
