"""The log of a process that serves: one JSON object a line on standard error, whoever writes it."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from gunicorn.glogging import Logger

_log = logging.getLogger("soundalike")
_GUNICORN = ("gunicorn.error", "gunicorn.access")


class JsonLines(logging.Formatter):
    """One JSON object a record, its traceback in it. redact: hides secrets, in each text of the line."""

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        line: dict[str, object] = {"time": stamp, "level": record.levelname.lower(), "logger": record.name}
        line |= self.fields(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return one_line(_redacted(line, self._redact))

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Return what the line says beside time, level and logger."""
        return {"message": record.getMessage()}


def one_line(value: object) -> str:
    """Write JSON that a terminal shows as it is: no control character, none that turns the line's direction."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(_shown(letter) for letter in text)


def configure(level: str, formatter: logging.Formatter, *filters: Callable[[logging.LogRecord], bool]) -> None:
    """Send the log of this process to standard error, with its warnings and with what ends it or one of its threads."""
    handler = logging.StreamHandler(sys.stderr)
    for each in filters:
        handler.addFilter(each)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _GUNICORN:  # which has handlers of its own
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a line that cannot be written is no reason for a traceback beside it
    sys.excepthook = _excepthook
    threading.excepthook = _thread_excepthook


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own lines as JSON, from the first one on: `--logger-class`."""

    lines: logging.Formatter = JsonLines()

    def setup(self, cfg: Any) -> None:
        """Set gunicorn's handlers up, with another formatter."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(self.lines)


def _redacted(value: object, redact: Callable[[str], str]) -> object:
    if isinstance(value, dict):
        return {key: _redacted(each, redact) for key, each in value.items()}
    if isinstance(value, list):
        return [_redacted(each, redact) for each in value]
    return value if value is None or isinstance(value, (bool, int, float)) else redact(str(value))


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.critical("the process ends: %s", kind.__name__, exc_info=(kind, error, trace))


def _thread_excepthook(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or issubclass(arguments.exc_type, SystemExit):
        return
    name = arguments.thread.name if arguments.thread is not None else "?"
    trace = (arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
    _log.critical("the thread %s ended: %s", name, arguments.exc_type.__name__, exc_info=trace)
