"""No secret reaches a log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.operations.logs import HIDDEN, LineFormatter, Redactor, secrets_of
from bot.operations.requests import REQUEST_LOG, Observer
from bot.settings import BotSettings
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


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in a form": lambda text: urlencode({"a": "b", "secret": text, "c": "d"}),
    "in JSON": lambda text: json.dumps({"secret": text}).replace("/", "\\/"),
    "in JSON in a form": lambda text: urlencode({"payload": json.dumps({"secret": text})}),
    "in quotes": lambda text: f'went to "{text}", and failed',
    "as Python writes it": repr,
}
"""Ways in which a secret comes to a log."""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("secret", "kept_from_the_log"),
    [
        ("xoxb-123-abc-DEF", "123-abc-DEF"),
        ("xoxe.xoxp-1-Mi0yLTEy", "Mi0yLTEy"),
        ("xapp-1-A1-22-ff", "A1-22-ff"),
        ("https://hooks.slack.com/commands/T1/2/abcde", "abcde"),
        ("https://hooks.slack.com/services/T1/B2/abcde", "abcde"),
        ("http://127.0.0.1:8090/response/T1/abcde", "abcde"),
        ("rediss://user:hunter2secret@redis.example:6379/0", "hunter2secret"),
        ("postgresql://:hunter2secret@db/x", "hunter2secret"),
        ('known "secret" + ü/%', "known"),
    ],
)
def test_a_secret_is_hidden_in_whatever_form_it_comes(log, secret: str, kept_from_the_log: str, encoding: str):
    handler = logging.getLogger("tests.logs").handlers[0]
    handler.setFormatter(LineFormatter(Redactor(['known "secret" + ü/%'])))
    text = ENCODINGS[encoding](secret)
    logging.getLogger("tests.logs").warning("%s", text)
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("tests.logs").exception("failed")
    assert kept_from_the_log not in log.getvalue(), log.getvalue()
    assert HIDDEN in log.getvalue()
    assert [json.loads(line)["level"] for line in log.getvalue().splitlines()] == ["warning", "error"]


def test_what_is_no_secret_stays(log):
    texts = ["https://youtu.be/1OU19ANx4fg?t=30", "https://example.com/a/b", "at 10:30 in the box-office", "a@b.c: hi"]
    for text in texts:
        logging.getLogger("tests.logs").warning("%s", text)
    assert [json.loads(line)["message"] for line in log.getvalue().splitlines()] == texts


def test_passwords_in_the_settings_are_secrets():
    settings = BotSettings(
        _env_file=None,
        redis_url="redis://user:p%40ss-word@host:6379/0",
        slack_signing_secret="the-signing-secret",
    )
    assert {"p%40ss-word", "p@ss-word", "the-signing-secret"} <= set(secrets_of(settings))


def test_a_request_is_one_line_and_some_counts(log):
    observer = Observer(CollectorRegistry())
    with observer.request("command", "r1", "U1") as request:
        with request.timings("search"):
            pass
        request.timings.note("embedding_cached", True)
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
