"""What reaches the web process without Slack's signature, or with one over nonsense: refused, silent, and not repeated
in any log."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from sandbox import names
from sandbox.delivery.http import signature
from tests.conftest import REPOSITORY
from tests.scenarios.stack import ADDRESS, Process
from tests.support.town import Town

WORD = "plantedbodyword"
TOKEN = "xoxb-99-planted-token"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
EVENT = {"type": "event_callback", "team_id": "T1", "event": {"type": "app_home_opened", "user": WORD}}


class Elsewhere:
    """A server that nobody has a reason to reach."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                elsewhere.asked.append(self.path)
                self.send_response(200)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/commands/T1/{WORD}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    one = Elsewhere()
    yield one
    one.close()


@pytest.fixture(scope="module")
def debug_web(whole_town: Town) -> Iterator[Process]:
    """The web process at its most talkative."""
    options = ["-c", str(REPOSITORY / "gunicorn.conf.py"), "--bind", "127.0.0.1:0", "--log-level", "debug"]
    process = whole_town.start("debug-web", ["-m", "gunicorn", "bot.wsgi:app", *options], LOG_LEVEL="DEBUG")
    process.wait_for(re.compile("web ready"))
    yield process
    process.kill()


@pytest.fixture
def url(debug_web: Process) -> str:
    return debug_web.wait_for(ADDRESS) + "/slack/events"


def bodies(response_url: str) -> dict[str, tuple[str, str]]:
    """Bodies of all kinds with secrets in them: name -> (content type, body)."""
    command = {
        "command": "/similar",
        "text": WORD,
        "user_id": "U1",
        "token": TOKEN,
        "trigger_id": "1.2",
        "response_url": response_url,
    }
    action = {"type": "block_actions", "user": {"id": "U1"}, "token": TOKEN, "response_url": response_url}
    return {
        "a command": (FORM, urlencode(command)),
        "a click": (FORM, urlencode({"payload": json.dumps(action)})),
        "an event": (JSON, json.dumps({**EVENT, "token": TOKEN, "response_url": response_url})),
        "no JSON": (JSON, "{" + WORD),
        "a list": (JSON, json.dumps([WORD])),
        "deep": (JSON, "[" * 100_000 + WORD),
        "a payload that is no JSON": (FORM, f"payload={WORD}"),
        "a payload that is no object": (FORM, urlencode({"payload": json.dumps([WORD])})),
        "ssl_check": (FORM, urlencode({"ssl_check": "1", "token": TOKEN})),
        "a challenge": (JSON, json.dumps({"type": "url_verification", "challenge": WORD})),
        "no UTF-8": (JSON, f"{{{WORD}\udcff"),
    }


BODIES = tuple(bodies(""))
HEADERS = {
    "none": lambda stamp, proof: {},
    "no time": lambda stamp, proof: {"X-Slack-Signature": proof},
    "no signature": lambda stamp, proof: {"X-Slack-Request-Timestamp": stamp},
    "a time that is no number": lambda stamp, proof: {
        "X-Slack-Request-Timestamp": "x",
        "X-Slack-Signature": proof,
    },
    "a time beyond all": lambda stamp, proof: {"X-Slack-Request-Timestamp": "9" * 400, "X-Slack-Signature": proof},
    "old": lambda stamp, proof: {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": proof},
    "a signature that is not ASCII": lambda stamp, proof: {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": "v0=\xe9\xe9",
    },
    "another secret": lambda stamp, proof: {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": "v0=" + "0" * 64,
    },
}


def post(url: str, content_type: str, body: str, headers: dict[str, str]) -> int:
    sent = body.encode(errors="surrogateescape")
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    return requests.post(url, data=sent, headers={"Content-Type": content_type, **encoded}, timeout=20).status_code


def signed(body: str) -> dict[str, str]:
    stamp = str(int(time.time()))
    sent = f"v0:{stamp}:".encode() + body.encode(errors="surrogateescape")
    digest = hmac.new(names.SIGNING_SECRET.encode(), sent, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def require_silence(town: Town, web: Process, elsewhere: Elsewhere) -> None:
    """Nothing was posted anywhere, and no log of any process repeats anything."""
    assert elsewhere.asked == []
    logs = [path for path in town.folder.glob("*.log") if "sandbox" not in path.name]
    secrets = (WORD, TOKEN, quote(elsewhere.url, safe=""), elsewhere.url)
    assert not [(path.name, secret) for path in logs for secret in secrets if secret in path.read_text()]
    for line in web.said().splitlines():
        assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("how", HEADERS)
def test_what_is_not_signed_is_refused_in_one_line(
    town: Town, debug_web: Process, url: str, elsewhere: Elsewhere, how: str
):
    for content_type, body in bodies(elsewhere.url).values():
        stamp = str(int(time.time()))
        headers = HEADERS[how](stamp, signature(stamp, WORD))
        before = debug_web.said().count("refused a request")
        assert post(url, content_type, body, headers) == 401
        assert debug_web.said().count("refused a request") == before + 1
    require_silence(town, debug_web, elsewhere)


@pytest.mark.parametrize(
    "kind", ["no JSON", "a list", "deep", "a payload that is no JSON", "a payload that is no object", "no UTF-8"]
)
def test_what_is_signed_and_cannot_be_read_is_a_bad_request(
    town: Town, debug_web: Process, url: str, elsewhere: Elsewhere, kind: str
):
    content_type, body = bodies(elsewhere.url)[kind]
    assert post(url, content_type, body, signed(body)) == 400
    require_silence(town, debug_web, elsewhere)


@pytest.mark.parametrize("kind", ["a command", "a click"])
def test_what_is_signed_is_answered_at_slack_alone(
    town: Town, debug_web: Process, url: str, elsewhere: Elsewhere, kind: str
):
    content_type, body = bodies(elsewhere.url)[kind]
    assert post(url, content_type, body, signed(body)) in (200, 404)
    town.driver.wait_quiet(0.5)
    require_silence(town, debug_web, elsewhere)


@pytest.mark.parametrize(
    "sent",
    [
        f"{WORD} {TOKEN}\r\n\r\n",
        f"POST /slack/events HTTP/1.1\r\nHost: a\r\n{WORD}\r\n\r\n",
        f"POST /slack/events HTTP/1.1\r\nHost: a\r\nContent-Length: {WORD}\r\n\r\n",
        f"POST /slack/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{WORD}\r\n\r\n",
        f"POST /slack/events HTTP/9.9\r\nHost: a\r\nX: {WORD}\r\n\r\n{WORD}",
    ],
)
def test_what_is_no_http_is_not_repeated(town: Town, debug_web: Process, url: str, elsewhere: Elsewhere, sent: str):
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(sent.encode())
        assert connection.recv(100).split()[1] in (b"400", b"401", b"505")
    require_silence(town, debug_web, elsewhere)
