"""The bot process in HTTP mode: `gunicorn bot.wsgi:app`, which reads gunicorn.conf.py of the folder it starts in.

One worker process: its threads share the catalogue's caches, and `/metrics` tells of all requests.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_bolt.request.internals import parse_body

from bot.app import build_app
from bot.errors import InstallationsAway
from bot.intake.acceptance import Acceptance
from bot.listeners.context import Context
from bot.operations import health, logs
from bot.services import build
from bot.settings import BotSettings
from bot.slack import oauth
from bot.slack.names import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH
from bot.slack.signatures import refusal
from recommender.errors import SettingsError, SoundalikeError
from recommender.settings import load

MAX_BODY_BYTES = 1_000_000
"""Slack's payloads stay far below; whoever is not Slack may not fill the memory before the signature is checked."""
LOAD_FAILED = 4
"""gunicorn's exit status for an application that does not load: it ends the server instead of starting another."""
CONFIG = Path(__file__).parents[1] / "gunicorn.conf.py"
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 413: "Content Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip

StartResponse = Callable[..., Any]
Environ = dict[str, Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_log = logging.getLogger(__name__)


def create(settings: BotSettings) -> Wsgi:
    """Build the WSGI application; raises `SettingsError` or a `CatalogueError`."""
    if settings.slack_signing_secret is None:
        raise SettingsError("SLACK_SIGNING_SECRET is not set: copy it from the app's page Basic Information into .env.")
    services = build(settings)
    context = Context(services, Acceptance(services))
    handler = SlackRequestHandler(build_app(context), path=EVENTS_PATH)
    slack, pages = gate(handler, settings.slack_signing_secret), installation_pages(handler)
    probes = health.Health(services)
    services.observer.registry.register(health.Gauges(services, probes))
    services.recommender.warm()

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in health.PATHS:
            return _answer(start_response, *probes.answer(path))
        if settings.many and path in (INSTALL_PATH, REDIRECT_PATH) and environ.get("REQUEST_METHOD") == "GET":
            return pages(environ, start_response)
        if path != EVENTS_PATH or environ.get("REQUEST_METHOD") != "POST":
            return _answer(start_response, 404)
        return slack(environ, start_response)

    threading.Thread(target=_close_at_the_end, args=(context,), name="close").start()
    _log.info("web ready")
    return application


def gate(slack: Wsgi, secret: Any) -> Wsgi:
    """Let through to Bolt what Slack signed and can be read; all else is refused, and the log repeats nothing of it."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = _body(environ)
        if body is None:
            return _answer(start_response, 413)
        why = refusal(
            secret.get_secret_value(),
            str(environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")),
            str(environ.get("HTTP_X_SLACK_SIGNATURE", "")),
            body,
        )
        if why:
            _log.warning("refused a request of %s: %s", environ.get("REMOTE_ADDR", "?"), why)
            return _answer(start_response, 401)
        if not _is_readable(body, environ.get("CONTENT_TYPE")):
            _log.error("refused a request that Slack signed: its body is no JSON object and no form")
            return _answer(start_response, 400)
        try:
            return slack({**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}, start_response)
        except Exception:  # noqa: BLE001 - Slack is told, and gunicorn would log the same
            _log.exception("a request that Slack signed failed")
            return _answer(start_response, 500)

    return application


def installation_pages(pages: Wsgi) -> Wsgi:
    """Answer by Bolt's pages, which browsers open, and by one sentence where these fail."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        nothing = {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}  # a page has no body
        try:
            return pages({**environ, **nothing}, start_response)
        except InstallationsAway:
            return _answer(start_response, 503, oauth.page(oauth.AWAY).encode(), "text/html; charset=utf-8")
        except Exception:  # noqa: BLE001 - the person is told, and the log says what it was
            _log.exception("an installation failed")
            return _answer(start_response, 500, oauth.page(oauth.OTHER_REASON).encode(), "text/html; charset=utf-8")

    return application


def _body(environ: Environ) -> bytes | None:
    """Read the body, None where it is too large. Without a length it ends where the server says so, if it does."""
    source = environ["wsgi.input"]
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return b""
    if not length and environ.get("wsgi.input_terminated"):
        length = MAX_BODY_BYTES + 1
    if length < 0:
        return b""
    body = bytes(source.read(min(length, MAX_BODY_BYTES + 1)))
    return body if len(body) <= MAX_BODY_BYTES else None


def _is_readable(body: bytes, content_type: str | None) -> bool:
    """Whether Bolt will make an object out of the body."""
    try:
        return isinstance(parse_body(body.decode(), content_type), dict)
    except (ValueError, RecursionError):
        return False


def _close_at_the_end(context: Context) -> None:
    """Close once the server has answered its last request. The process waits for this thread, as for all that are no
    daemons; `atexit` would be too late, since no thread and no decoder can be started there."""
    threading.main_thread().join()
    context.close()


def _answer(
    start_response: StartResponse, status: int, body: bytes = b"", content_type: str = "text/plain"
) -> list[bytes]:
    reason = _REASONS[status]
    body = body or f"{reason.lower()}\n".encode()
    start_response(f"{status} {reason}", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def __getattr__(name: str) -> Wsgi:
    """Build `app` when the server asks for it, so that importing the module starts nothing."""
    if name != "app":
        raise AttributeError(name)
    try:
        settings = load(BotSettings)
        logs.configure(settings)
        if "gunicorn.arbiter" in sys.modules and "recommender.service.gunicorn_worker" not in sys.modules:
            _log.warning("slow connections can hold this process up: start gunicorn with -c %s", CONFIG)
        globals()["app"] = create(settings)
    except SoundalikeError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        raise SystemExit(LOAD_FAILED) from None
    made: Wsgi = globals()["app"]
    return made
