"""What Slack signed is taken, all else is refused with a reason that repeats nothing of it."""

from __future__ import annotations

import hashlib
import hmac
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.response_urls import is_slacks
from bot.slack.signatures import refusal

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&command=%2Fweather&text=94070"
API = "https://slack.com/api/"


def signed(stamp: str, body: bytes = BODY, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def now(offset: float = 0) -> str:
    return str(int(time.time() + offset))


@pytest.mark.parametrize("body", [BODY, b"", b"\xff\xfe not UTF-8", "ü".encode()])
@pytest.mark.parametrize("offset", [0, -280, 280])
def test_what_slack_signed_is_taken(offset: float, body: bytes):
    stamp = now(offset)
    assert refusal(SECRET, stamp, signed(stamp, body), body) == ""


@given(st.text(), st.text() | st.just("v0=") | st.builds(lambda s: "v0=" + s, st.text("0123456789abcdef")), st.binary())
def test_nothing_else_is_taken_whatever_the_headers_hold(timestamp: str, signature: str, body: bytes):
    why = refusal(SECRET, timestamp, signature, body)
    assert why
    assert len(timestamp) < 4 or timestamp not in why


@pytest.mark.parametrize(
    ("timestamp", "why"),
    [
        ("", "not signed"),
        ("x", "no number"),
        ("-1", "no number"),
        ("1e9", "no number"),
        ("١٢٣", "no number"),
        ("9" * 4000, "no number"),
        ("9" * 12, "clock"),
        ("0", "clock"),
        (" 1795581681", "no number"),
    ],
)
def test_each_bad_time_has_its_reason(timestamp: str, why: str):
    assert why in refusal(SECRET, timestamp, signed(timestamp), BODY)


@pytest.mark.parametrize("offset", [-301, 310])
def test_what_is_too_old_or_too_early_is_refused(offset: float):
    stamp = now(offset)
    assert "clock" in refusal(SECRET, stamp, signed(stamp), BODY)


@pytest.mark.parametrize(
    "signature",
    [signed(now(), secret="other"), "v0=é", "v0=\ud800", "x", signed(now())[3:]],
    ids=[
        "another's",
        "not ASCII",
        "not UTF-8",
        "short",
        "no version",
    ],  # names that each process of a test run agrees on
)
def test_each_bad_signature_is_refused(signature: str):
    assert "SLACK_SIGNING_SECRET" in refusal(SECRET, now(), signature, BODY)


@pytest.mark.parametrize(
    ("url", "api", "fine"),
    [
        ("https://hooks.slack.com/commands/T1/2/3", API, True),
        ("https://hooks.slack-gov.com/actions/T1/2/3", API, True),
        ("https://HOOKS.slack.com:443/actions/T1", API, True),
        ("http://127.0.0.1:8090/response/T1/a", "http://127.0.0.1:8090/api/", True),
        ("http://127.0.0.1:6379/response/T1/a", "http://127.0.0.1:8090/api/", False),
        ("https://127.0.0.1:8090/response/T1/a", "http://127.0.0.1:8090/api/", False),
        ("http://hooks.slack.com/commands/T1/2/3", API, False),
        ("https://hooks.slack.com:6379/", API, False),
        ("https://slack.com.evil.org/", API, False),
        ("https://evilslack.com/", API, False),
        ("https://hooks.slack.com@evil.org/", API, False),
        ("https://evil.org/@hooks.slack.com/", API, False),
        ("https://user:pass@hooks.slack.com/", API, False),
        ("https://evil.org\\@hooks.slack.com/", API, False),
        ("https://hooks.slack.com\n.evil.org/", API, False),
        ("https://hooks.slack.com:x/", API, False),
        ("https://[::1/", API, False),
        ("https://hooks.slаck.com/", API, False),
        ("gopher://hooks.slack.com/", API, False),
        ("file:///etc/passwd", "file:///etc/", False),
        ("", API, False),
    ],
)
def test_answers_go_to_slack_alone(url: str, api: str, fine: bool):
    assert is_slacks(url, api) is fine


@given(st.text(), st.text())
def test_no_text_breaks_the_look_at_an_address(url: str, api: str):
    assert is_slacks(url, api) in (True, False)
