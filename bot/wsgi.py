"""The bot process in HTTP mode: `gunicorn bot.wsgi:app --worker-class gthread --threads 32`.

One worker process: its threads share the catalogue's caches, and `/metrics` tells of all requests.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from slack_bolt.adapter.wsgi import SlackRequestHandler

from bot.app import build_app
from bot.intake.acceptance import Acceptance
from bot.listeners.context import Context
from bot.manifest import EVENTS_PATH
from bot.operations import health, logs
from bot.services import build
from bot.settings import BotSettings
from recommender.errors import SettingsError, SoundalikeError
from recommender.settings import load

MAX_BODY_BYTES = 1_000_000
"""Slack's payloads stay far below; whoever is not Slack may not fill the memory before the signature is checked."""

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_log = logging.getLogger(__name__)


def create(settings: BotSettings) -> Wsgi:
    """Build the WSGI application; raises `SettingsError` or a `CatalogueError`."""
    if settings.slack_signing_secret is None:
        raise SettingsError("SLACK_SIGNING_SECRET is not set: copy it from the app's page Basic Information into .env.")
    parts = build(settings)
    context = Context(parts, Acceptance(parts))
    slack = SlackRequestHandler(build_app(context), path=EVENTS_PATH)
    looks = health.Health(parts)
    parts.observer.registry.register(health.Gauges(parts))
    parts.recommender.warm()

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/healthz":
            status, body = looks.report()
            return _answer(start_response, status, json.dumps(body).encode(), "application/json")
        if path == "/metrics":
            return _answer(start_response, 200, *health.metrics(parts.observer.registry))
        if _length(environ) > MAX_BODY_BYTES:
            return _answer(start_response, 413, b"too large\n", "text/plain")
        return slack(environ, start_response)

    threading.Thread(target=_close_at_the_end, args=(context,), name="close").start()
    _log.info("web ready")
    return application


def _close_at_the_end(context: Context) -> None:
    """Close once the server has answered its last request. The process waits for this thread, as for all that are no
    daemons; `atexit` would be too late, since no thread and no decoder can be started there."""
    threading.main_thread().join()
    context.close()


def _length(environ: dict[str, Any]) -> int:
    try:
        return int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return MAX_BODY_BYTES + 1


def _answer(start_response: StartResponse, status: int, body: bytes, content_type: str) -> list[bytes]:
    reason = {200: "OK", 413: "Content Too Large", 503: "Service Unavailable"}[status]
    start_response(f"{status} {reason}", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def __getattr__(name: str) -> Wsgi:
    """Build `app` when the server asks for it, so that importing the module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        settings = load(BotSettings)
        logs.configure(settings)
        globals()["app"] = create(settings)
    except SoundalikeError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        raise SystemExit(1) from None
    made: Wsgi = globals()["app"]
    return made
