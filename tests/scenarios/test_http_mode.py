"""HTTP mode's own rules: signatures, challenges, retries; and the health and metrics of every kind of process."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path

import pytest
import requests

from sandbox import names
from sandbox.client.driver import Driver, text_of
from sandbox.client.reading import offers_of
from sandbox.names import ADA, SOUNDS
from tests.conftest import REPOSITORY
from tests.scenarios.stack import Stack, video_id, write_small_catalogue

EVENTS = "/slack/events"
CONFIG = str(REPOSITORY / "gunicorn.conf.py")


def signed(body: str, secret: str = names.SIGNING_SECRET, age: float = 0) -> dict[str, str]:
    stamp = str(int(time.time() - age))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json",
    }


@pytest.fixture
def web(stack: Stack) -> str:
    return stack.start_web()


def test_a_challenge_is_answered(web: str):
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    answer = requests.post(web + EVENTS, data=body, headers=signed(body), timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})


@pytest.mark.parametrize("how", ["unsigned", "wrong secret", "old", "other body"])
def test_what_slack_did_not_sign_is_refused(web: str, how: str):
    body = json.dumps({"type": "event_callback", "team_id": "T1", "event": {"type": "app_home_opened", "user": ADA}})
    headers = {
        "unsigned": {"Content-Type": "application/json"},
        "wrong secret": signed(body, secret="guessed"),
        "old": signed(body, age=301),
        "other body": signed(body + " "),
    }[how]
    answer = requests.post(web + EVENTS, data=body, headers=headers, timeout=5)
    assert answer.status_code == 401
    assert names.SIGNING_SECRET not in answer.text


def test_what_is_too_large_or_elsewhere_is_refused(web: str):
    assert requests.post(web + EVENTS, data=b"x" * 1_000_001, timeout=5).status_code == 413
    assert requests.get(web + "/", timeout=5).status_code == 404


def test_a_retry_of_an_event_is_answered_once(web: str, slack: Driver):
    message = slack.say(SOUNDS, "hi")
    event = {
        "type": "app_mention",
        "user": ADA,
        "text": f"<@{names.BOT}> {video_id(1)}",
        "channel": SOUNDS,
        "ts": message["ts"],
        "event_ts": message["ts"],
    }
    body = json.dumps({"type": "event_callback", "team_id": names.TEAM, "api_app_id": names.APP, "event": event})
    for attempt in range(3):
        headers = signed(body) | ({"X-Slack-Retry-Num": str(attempt)} if attempt else {})
        assert requests.post(web + EVENTS, data=body, headers=headers, timeout=5).status_code == 200
    slack.wait_reply(message)
    slack.wait_quiet(0.7)
    assert len(slack.replies(message)) == 1


def test_health_and_metrics_of_the_web_process(web: str, slack: Driver, stack: Stack):
    health = requests.get(web + "/healthz", timeout=5)
    assert (health.status_code, health.json()["status"]) == (200, "ready")
    stack.gate.shut()
    try:
        health = requests.get(web + "/healthz", timeout=20)
    finally:
        stack.gate.open()
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["why"][0].startswith("embedder: ")
    stack.configure_http()
    slack.command(video_id(1))
    slack.configure(request_url="", options_url="")
    metrics = requests.get(web + "/metrics", timeout=5).text
    assert 'soundalike_requests_total{kind="command",outcome="answered"}' in metrics
    assert "soundalike_queue_length 0.0" in metrics
    assert 'soundalike_catalogue_info{id="' in metrics


@pytest.mark.parametrize("name", ["bot", "worker"])
def test_health_and_metrics_of_bot_and_worker(slack: Driver, stack: Stack, name: str):
    address = stack.health[name]
    # A busy machine is degraded for as long as a second of sound has no answer in 0.3 s.
    slack.wait_for(lambda: requests.get(address + "/healthz", timeout=5).json()["status"] == "ready")
    assert requests.get(address + "/healthz", timeout=5).status_code == 200
    assert "soundalike_catalogue_clips 24.0" in requests.get(address + "/metrics", timeout=5).text
    assert requests.get(address + "/", timeout=5).status_code == 404


def test_buttons_keep_working_after_a_restart_and_on_a_catalogue_that_was_rebuilt(
    slack: Driver, stack: Stack, tmp_path: Path
):
    slack.command(video_id(1))
    answer = slack.wait_ephemeral()
    gone = offers_of(answer, "More like this")[0][2].removeprefix("more_like:")
    with stack.only_bot(CATALOGUE=str(write_small_catalogue(tmp_path / "rebuilt", stack.batch, without=gone))):
        slack.choose(answer, "More like this")
        refusal = slack.wait_ephemeral(lambda m: "`old-catalogue`" in text_of(m))
        assert "not in the new one" in refusal["text"]
        slack.click(answer, "next_ten")
        edited = slack.wait_ephemeral(lambda m: m["ts"] == answer["ts"] and "*11.*" in text_of(m))
        assert "The catalogue has been rebuilt since" in text_of(edited)
