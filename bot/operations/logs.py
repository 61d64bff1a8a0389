"""The log: one line per event on standard error, with no secret in it."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterable

from pydantic import SecretStr

from bot.operations.requests import REQUEST_LOG
from bot.settings import BotSettings

HIDDEN = "[hidden]"
_PATTERNS = re.compile(
    r"x(?:ox[a-z]|app)-[\w-]+"  # Slack's tokens
    r"|https?://[^\s\"']*/(?:commands|actions|app|workflows|services|response)/[^\s\"']+"  # response_urls and webhooks
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # user and password in an address
)
SECRET_FIELDS = ("slack_bot_token", "slack_app_token", "slack_signing_secret")
QUIET = {
    "slack_bolt": logging.INFO,
    "slack_sdk": logging.INFO,
    "urllib3": logging.WARNING,
    "dramatiq": logging.CRITICAL,
    "bot.queue.tasks.": logging.CRITICAL,
}
"""From which level on these loggers are heard: the DEBUG lines of Bolt, the SDK and urllib3 repeat requests, bodies and
addresses; Dramatiq's warnings, and the loggers that it gives to each kind of task, whole jobs."""


class Redactor:
    """Hides whatever looks like a Slack secret, and the secrets that are known, word for word."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        text = _PATTERNS.sub(HIDDEN, text)
        return self._known.sub(HIDDEN, text) if self._known else text


class LineFormatter(logging.Formatter):
    """One JSON object per line; a request's own fields stand beside time and level. The whole line is redacted, its
    traceback too."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redact = redactor

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        line: dict[str, object] = {"time": stamp, "level": record.levelname.lower(), "logger": record.name}
        text = record.getMessage()
        if record.name == REQUEST_LOG:
            line |= json.loads(text)
        else:
            line["message"] = text
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return self._redact(json.dumps(line, ensure_ascii=False, default=str))


def configure(settings: BotSettings) -> None:
    """Send the log of this process to standard error, at the settings' level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_heard)  # not by their levels, which Bolt sets anew
    handler.setFormatter(LineFormatter(Redactor(secrets_of(settings))))
    # Bolt also reads SLACK_BOT_TOKEN by itself, and warns at each start that it has the client's already.
    handler.addFilter(lambda record: not str(record.msg).startswith("As you gave `client` as well"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())


def _heard(record: logging.LogRecord) -> bool:
    return all(record.levelno >= level for name, level in QUIET.items() if record.name.startswith(name))


def secrets_of(settings: BotSettings) -> list[str]:
    """Give the secrets that the settings hold."""
    values = [getattr(settings, name) for name in SECRET_FIELDS]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
