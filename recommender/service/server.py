"""Runs the embedder's service under gunicorn: one process with threads, behind the loop that reads requests whole."""

from __future__ import annotations

import logging
import socket
from typing import Any, ClassVar

from recommender.service import json_log
from recommender.service.app import MAX_BODY_BYTES, THREADS, app
from recommender.service.connections import Limits
from recommender.service.gunicorn_worker import Worker

GRACEFUL_SECONDS = 20
"""How long requests in work may take to finish when the service is told to stop."""

_log = logging.getLogger(__name__)


class EmbedderWorker(Worker):
    """The worker with the limits of audio: three of the largest bodies at once, or a hundred of our client's."""

    limits: ClassVar[Limits] = Limits(
        head_seconds=10, body_seconds=30, answer_seconds=30, body_bytes=MAX_BODY_BYTES, held_bytes=3 * MAX_BODY_BYTES
    )


def serve(listener: socket.socket, model: str, weights: str | None, log_level: str) -> None:
    """Serve until told to stop: the model is in memory once, and rows of all callers share batches."""
    from gunicorn.app.base import BaseApplication

    json_log.configure(log_level, json_log.JsonLines())
    host, port = listener.getsockname()[:2]
    options = {
        "bind": f"fd://{listener.fileno()}",
        "workers": 1,
        "worker_class": f"{__name__}.{EmbedderWorker.__name__}",
        "threads": THREADS,
        "graceful_timeout": GRACEFUL_SECONDS,
        # Its own lines name the address before the model is loaded.
        "loglevel": "debug" if log_level.upper() == "DEBUG" else "warning",
        "logger_class": json_log.GunicornLog,
        "proc_name": "soundalike-embedder",
        "control_socket_disable": True,
    }

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return app(
                model, weights, lambda space: _log.info("Embedder %s is ready at http://%s:%d", space, host, port)
            )

    Server().run()
