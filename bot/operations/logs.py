"""The log: one line per event on standard error, with no secret in it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus, unquote

from pydantic import SecretStr

from bot.operations.requests import REQUEST_LOG
from bot.settings import BotSettings
from recommender.service import json_log

HIDDEN = "[hidden]"
# Each sign may be percent-encoded, more than once, and JSON may have put a backslash before a slash.
_DASH, _COLON, _SLASH, _AT = (
    rf"(?:\\?{sign}|%(?:25)*{code})" for sign, code in (("-", "2[Dd]"), (":", "3[Aa]"), ("/", "2[Ff]"), ("@", "40"))
)
_PATTERNS = re.compile(
    rf"x(?:ox[a-z]|app){_DASH}(?:[\w-]|{_DASH})+"  # Slack's tokens
    # response_urls and webhooks
    rf"|https?{_COLON}{_SLASH}{_SLASH}[^\s\"']{{0,300}}?{_SLASH}(?:commands|actions|app|workflows|services|response)"
    rf"{_SLASH}[^\s\"']+"
    rf"|(?P<before>{_COLON}{_SLASH}{_SLASH})[^\s/@:%]*{_COLON}[^\s/@]+(?={_AT})"  # user and password in an address
)
_ENCODINGS: tuple[Callable[[str], str], ...] = (
    lambda text: quote(text, safe=""),
    quote_plus,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: text.replace("/", "\\/"),
    lambda text: repr(text)[1:-1],
)
SECRET_FIELDS = ("slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_client_secret")
_PASSWORD = re.compile(r":/{1,2}[^/@:]*:([^/]+)@")
QUIET = {
    "slack_bolt": logging.INFO,
    "slack_sdk": logging.INFO,
    "urllib3": logging.WARNING,
    "dramatiq": logging.CRITICAL,
    "bot.queue.tasks.": logging.CRITICAL,
}
"""The level these loggers are written from: the DEBUG lines of Bolt, the SDK and urllib3 repeat requests, bodies and
addresses; Dramatiq's warnings, and its loggers of each kind of task, whole jobs."""


class Redactor:
    """Hides whatever looks like a Slack secret, and the secrets that are known, as they are and percent-encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if len(secret) >= 4 for form in _forms(secret)}
        self._known = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True)))) if known else None

    def __call__(self, text: str) -> str:
        text = _PATTERNS.sub(lambda found: (found["before"] or "") + HIDDEN, text)
        return self._known.sub(HIDDEN, text) if self._known else text


class LineFormatter(json_log.JsonLines):
    """A request's own fields stand beside time and level."""

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Return what the line says beside time, level and logger."""
        if record.name == REQUEST_LOG:
            return dict(json.loads(record.getMessage()))
        return super().fields(record)


class GunicornLog(json_log.GunicornLog):
    """gunicorn's own lines, before the settings are read."""

    lines = LineFormatter(Redactor(()))


def configure(settings: BotSettings) -> None:
    """Send the log of this process to standard error, at the settings' level."""
    # Not by the loggers' levels, which Bolt sets anew; Bolt also reads SLACK_BOT_TOKEN by itself, and warns at each
    # start that it has the client's already.
    json_log.configure(
        settings.log_level,
        LineFormatter(Redactor(secrets_of(settings))),
        _wanted,
        lambda record: not str(record.msg).startswith("As you gave `client` as well"),
    )


def _wanted(record: logging.LogRecord) -> bool:
    return all(record.levelno >= level for name, level in QUIET.items() if record.name.startswith(name))


def secrets_of(settings: BotSettings) -> list[str]:
    """Return the secrets that the settings hold: tokens, and the passwords in addresses."""
    values = [getattr(settings, name) for name in SECRET_FIELDS]
    tokens = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    addresses = [str(value) for value in settings.model_dump().values() if value is not None]
    passwords = [found.group(1) for address in addresses if (found := _PASSWORD.search(address))]
    return [*tokens, *passwords, *map(unquote, passwords)]


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a log: as it is, and after one or two of the encodings."""
    forms = {secret}
    for _ in range(2):
        forms |= {encode(form) for form in forms for encode in _ENCODINGS}
    return forms
