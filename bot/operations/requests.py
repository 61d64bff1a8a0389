"""One log line and a few counters per request: its id, person, kind, seconds per step, cache hits, outcome."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram

from bot.workspaces import known
from recommender.errors import SoundalikeError
from recommender.timings import Timings

REQUEST_LOG = "soundalike.requests"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds: from a cached answer to a long upload."""
SURFACE_OUTCOMES = frozenset({"answered", "queued", "ignored", "later", "refused", "broken", "repeated"})

_log = logging.getLogger(REQUEST_LOG)


@dataclass
class Request:
    """One request as the log will tell of it. started: Unix time; outcome: a word; code: of the error, if any."""

    kind: str
    id: str
    person: str
    started: float
    outcome: str = "answered"
    code: str = ""
    reference: str = ""
    timings: Timings = field(default_factory=Timings)

    def failed(self, error: SoundalikeError) -> None:
        """Note an error that the person was told of."""
        self.outcome, self.code = "refused", error.code

    def broke(self, reference: str) -> None:
        """Note an error that nobody foresaw; reference: the number that the person was told."""
        self.outcome, self.code, self.reference = "broken", "internal", reference


class Observer:
    """Writes the log line and counts; one per process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "soundalike_requests", "Requests by kind and outcome", ["kind", "outcome"], registry=registry
        )
        self._errors = Counter("soundalike_errors", "Errors that people were told of", ["code"], registry=registry)
        self._seconds = Histogram(
            "soundalike_request_seconds", "From arrival to answer", ["kind"], registry=registry, buckets=BUCKETS
        )
        self._steps = Histogram(
            "soundalike_step_seconds", "Seconds per step", ["step"], registry=registry, buckets=BUCKETS
        )
        # There from the start: what an alarm asks the increase of has to grow from 0, not to appear at 1.
        self._errors.labels("internal")
        self._requests.labels("upload", "unpostable")
        self._notes = Counter("soundalike_notes", "Cache hits and the like", ["note", "value"], registry=registry)

    @contextmanager
    def request(self, kind: str, request_id: str, person: str) -> Iterator[Request]:
        """Observe a block as one request, also where it raises."""
        request = Request(kind, request_id, person, time.time())
        try:
            yield request
        except Exception as error:
            if request.outcome == "answered":
                request.outcome, request.code = "broken", getattr(error, "code", None) or type(error).__name__
            raise
        finally:
            self._done(request)

    def _done(self, request: Request) -> None:
        seconds = max(0.0, time.time() - request.started)
        outcome = request.outcome if request.outcome in SURFACE_OUTCOMES else "unpostable"
        self._requests.labels(request.kind, outcome).inc()
        if request.code:
            self._errors.labels(request.code).inc()
        if request.outcome in ("answered", "refused"):
            self._seconds.labels(request.kind).observe(seconds)
        for step, took in request.timings.seconds.items():
            self._steps.labels(step).observe(took)
        for note, value in request.timings.notes.items():
            if isinstance(value, bool):
                self._notes.labels(note, str(value).lower()).inc()
        line = {
            "kind": request.kind,
            "id": request.id,
            "person": request.person,
            "outcome": request.outcome,
            "ms": round(seconds * 1000, 1),
            "steps_ms": {step: round(took * 1000, 1) for step, took in request.timings.seconds.items()},
            **request.timings.notes,
        }
        workspace = known()
        if workspace is not None and workspace.id:
            line["workspace"] = workspace.id
        if request.code:
            line["code"] = request.code
        if request.reference:
            line["reference"] = request.reference
        level = logging.DEBUG if request.outcome == "later" else logging.INFO
        _log.log(level, "%s", json.dumps(line, ensure_ascii=False))
