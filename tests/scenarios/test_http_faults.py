"""HTTP mode where it cannot start or cannot queue."""

from __future__ import annotations

import json
import re
import socket

from sandbox.client.driver import direct_message, text_of
from sandbox.names import ADA
from tests.conftest import REPOSITORY
from tests.scenarios.stack import ADDRESS, Process
from tests.support.ledger import ANSWER, Ledger, require_once
from tests.support.town import Town

EVENTS = "/slack/events"
CONFIG = str(REPOSITORY / "gunicorn.conf.py")


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
