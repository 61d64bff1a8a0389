"""HTTP mode's own rules: signatures, challenges, retries; and the health and metrics of every kind of process."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import time
from pathlib import Path

import pytest
import requests

from sandbox import names
from sandbox.client.driver import Driver, direct_message, text_of
from sandbox.client.reading import offers_of
from sandbox.names import ADA, SOUNDS
from tests.conftest import REPOSITORY
from tests.scenarios.stack import ADDRESS, Process, Stack, video_id, write_small_catalogue
from tests.support.ledger import ANSWER, Ledger, require_once
from tests.support.town import Town

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


def start_web(town: Town) -> Process:
    options = ["-c", CONFIG, "--bind", "127.0.0.1:0"]
    web = town.start("web", ["-m", "gunicorn", "bot.wsgi:app", *options])
    url = web.wait_for(ADDRESS) + EVENTS
    web.wait_for(re.compile("web ready"))
    town.driver.configure(request_url=url, options_url=url)
    return web


def test_an_upload_that_cannot_be_queued_is_a_503_and_comes_again_to_whoever_serves_then(town: Town, ledger: Ledger):
    before = set(town.temporary.iterdir())
    web = start_web(town)
    made = set(town.temporary.iterdir()) - before
    assert made
    town.driver.faults(retry_delays=[0, 1, 2, 4, 8, 16])
    town.redis.stop()
    try:
        ledger.upload(3)
        town.driver.wait_traffic(lambda entry: "503" in entry["error"] and entry["attempt"] == 1, kind="event")
        assert ledger.command("#3", "USOAKHTTP")["acked"]
        words = town.driver.say(direct_message(ADA), "#4")
        assert ANSWER in text_of(town.driver.wait_reply(words))
        assert web.stop() == 0
    finally:
        town.redis.start()
    assert not made & set(town.temporary.iterdir())
    start_web(town)
    require_once(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())
    assert len(town.driver.replies(words)) == 1


def test_a_web_port_that_is_taken_is_told_in_lines_of_json(town: Town):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        web = town.start("web", ["-m", "gunicorn", "bot.wsgi:app", "-c", CONFIG, "--bind", bind])
        assert web.child.wait(60) != 0
    lines = [json.loads(line) for line in web.said().splitlines()]
    assert any("in use" in line["message"] and bind.partition(":")[2] in line["message"] for line in lines)


def test_a_web_process_that_cannot_start_says_why_and_ends(town: Town):
    options = ["-c", CONFIG, "--bind", "127.0.0.1:0"]
    web = town.start("web-without-settings", ["-m", "gunicorn", "bot.wsgi:app", *options], SLACK_SIGNING_SECRET="")
    assert web.child.wait(60) != 0
    assert web.said().count("bad-settings: SLACK_SIGNING_SECRET is not set") == 1


def test_gunicorn_without_its_settings_is_warned_of(town: Town):
    options = ["--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:0"]
    web = town.start("gunicorn-without-settings", ["-m", "gunicorn", "bot.wsgi:app", *options])
    try:
        web.wait_for(re.compile("web ready"))
        assert f"start gunicorn with -c {CONFIG}" in web.said()
    finally:
        web.kill()


@pytest.mark.parametrize("name", ["bot", "worker"])
def test_health_and_metrics_of_bot_and_worker(slack: Driver, stack: Stack, name: str):
    address = stack.health[name]
    health = requests.get(address + "/healthz", timeout=5)
    assert (health.status_code, health.json()["status"]) == (200, "ready"), health.text
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
