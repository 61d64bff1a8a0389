"""`gunicorn tests.support.gunicorn_app:app -k tests.support.gunicorn_app.SmallWorker`: echoes, and waits when told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from recommender.service.connections import Limits
from recommender.service.gunicorn_worker import Worker

_go_on = threading.Event()


class SmallWorker(Worker):
    """With limits that a test reaches."""

    limits = Limits(
        head_seconds=1.5, body_seconds=3, answer_seconds=2, body_bytes=300_000, held_bytes=1_000_000, connections=60
    )


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Echo the size of a body; `/wait` blocks its thread until somebody asks for `/livez?go`,
    `/pause` for a second."""
    path = environ["PATH_INFO"]
    if path == "/wait":
        _go_on.wait(30)
    elif path == "/pause":
        _go_on.wait(1)
    elif environ["QUERY_STRING"] == "go":
        _go_on.set()
    if path == "/fail":
        raise ValueError("an application that fails")
    body = environ["wsgi.input"].read() if path == "/size" else b""
    answer = f"{path} {len(body)}\n".encode() * (200_000 if path == "/large" else 1)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
