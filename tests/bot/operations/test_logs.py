"""No secret reaches a log."""

from __future__ import annotations

import io
import json
import logging

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.operations.logs import HIDDEN, LineFormatter, Redactor
from bot.operations.requests import REQUEST_LOG, Observer
from recommender.errors import SettingsError

SECRETS = [
    "xoxb-123-abc-DEF", "xapp-1-A1-22-ff", "https://hooks.slack.com/commands/T1/2/3", "signing-secret-value",
    "https://hooks.slack.com/actions/T1/2/abc?x=1", "secretpassword",
]  # fmt: skip


@pytest.fixture
def log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(Redactor(["signing-secret-value"])))
    loggers = [logging.getLogger(name) for name in ("tests.logs", REQUEST_LOG)]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)


def test_secrets_are_hidden_in_messages_and_tracebacks(log):
    logger = logging.getLogger("tests.logs")
    text = " ".join([*SECRETS[:-1], "redis://user:secretpassword@host:6379/0"])
    logger.warning("went wrong: %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("failed")
    lines = log.getvalue()
    assert not [secret for secret in SECRETS if secret in lines]
    assert lines.count(HIDDEN) >= 2 * len(SECRETS)
    assert "ValueError" in lines
    assert [json.loads(line)["level"] for line in lines.splitlines()] == ["warning", "error"]


def test_a_request_is_one_line_and_some_counts(log):
    observer = Observer(CollectorRegistry())
    with observer.request("command", "r1", "U1") as request:
        with request.steps("search"):
            pass
        request.steps.note("embedding_cached", True)
    with observer.request("upload", "r2", "U1") as request:
        request.failed(SettingsError("x"))
    with pytest.raises(ZeroDivisionError), observer.request("upload", "r3", "U1"):
        raise ZeroDivisionError
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["kind"], line["id"], line["outcome"], line.get("code")) for line in lines] == [
        ("command", "r1", "answered", None),
        ("upload", "r2", "refused", "bad-settings"),
        ("upload", "r3", "broken", "ZeroDivisionError"),
    ]
    assert lines[0]["steps_ms"].keys() == {"search"}
    assert lines[0]["embedding_cached"] is True
    metrics = generate_latest(observer.registry).decode()
    assert 'soundalike_requests_total{kind="command",outcome="answered"} 1.0' in metrics
    assert 'soundalike_errors_total{code="bad-settings"} 1.0' in metrics
    assert 'soundalike_notes_total{note="embedding_cached",value="true"} 1.0' in metrics
