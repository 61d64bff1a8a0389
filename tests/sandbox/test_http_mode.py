"""HTTP mode against an app that answers well, badly, late or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from slack_sdk.signature import SignatureVerifier

from sandbox import names
from sandbox.client.driver import Driver


class _App(BaseHTTPRequestHandler):
    """Answers the challenge, then whatever the test has lined up; 200 when nothing is."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        app: Any = self.server
        app.received.append((dict(self.headers), body))
        if "url_verification" in body:
            self._say(200, json.loads(body)["challenge"])
            return
        status, text, headers = app.answers.pop(0) if app.answers else (200, "", {})
        self._say(status, text, **headers)

    def _say(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def app(driver: Driver, *answers: tuple[int, str, dict[str, str]]) -> Iterator[list[tuple[dict[str, str], str]]]:
    """Run an app with these answers, known to the sandbox; yields what it receives."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    server.received, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        driver.configure(request_url=f"http://127.0.0.1:{server.server_port}/slack/events")
        server.received.clear()
        server.answers.extend(answers)
        yield server.received
    finally:
        driver.configure(request_url="")
        server.shutdown()
        server.server_close()


def test_every_request_is_signed(lonely: Driver):
    verifier = SignatureVerifier(names.SIGNING_SECRET)
    with app(lonely) as received:
        lonely.command("x")
        lonely.mention(text="hello")
        lonely.wait_for(lambda: len(received) == 2, every=0.05)
    assert all(verifier.is_valid_request(body, headers) for headers, body in received)
    assert received[0][0]["Content-Type"] == "application/x-www-form-urlencoded"
    assert received[1][0]["Content-Type"] == "application/json"


def test_events_of_before_a_reset_are_not_repeated(lonely: Driver):
    lonely.faults(retry_delays=[0.2])
    with app(lonely, (500, "", {})) as received:
        lonely.mention(text="hello")
        lonely.wait_for(lambda: len(received) == 1, every=0.05)
        lonely.reset()
        lonely.mention(text="another")
        lonely.wait_for(lambda: any("another" in body for _, body in received), every=0.05)
        lonely.wait_quiet(0.5)
    assert len(received) == 2


def test_events_are_repeated_with_their_number_and_reason(lonely: Driver):
    lonely.faults(retry_delays=[0.0, 0.0])
    with app(lonely, (500, "", {}), (503, "", {})) as received:
        lonely.mention(text="hello")
        lonely.wait_for(lambda: len(received) == 3, every=0.05)
        lonely.wait_quiet(0.1)
    numbers = [headers.get("X-Slack-Retry-Num") for headers, _ in received]
    reasons = [headers.get("X-Slack-Retry-Reason") for headers, _ in received]
    assert numbers == [None, "1", "2"]
    assert reasons == [None, "http_error", "http_error"]
    assert len({json.loads(body)["event_id"] for _, body in received}) == 1


def test_an_app_may_forbid_repeats(lonely: Driver):
    lonely.faults(retry_delays=[0.0])
    with app(lonely, (500, "", {"X_Slack_No_Retry": "1"})) as received:
        lonely.mention(text="hello")
        lonely.wait_traffic(lambda e: e["error"].startswith("http_error"))
        lonely.wait_quiet(0.1)
        assert len(received) == 1


def test_commands_are_answered_in_the_body_or_fail_visibly(lonely: Driver):
    blocks = [{"type": "header", "text": {"type": "mrkdwn", "text": "*no*"}}]
    wrong = json.dumps({"text": "x", "blocks": blocks})
    with app(
        lonely,
        (200, "plain text", {}),
        (200, json.dumps({"response_type": "in_channel", "text": "for all"}), {"Content_Type": "application/json"}),
        (200, wrong, {"Content_Type": "application/json"}),
        (500, "", {}),
    ):
        for _ in range(3):
            assert lonely.command("x")["acked"]
        assert not lonely.command("x")["acked"]
    texts = [message["text"] for message in lonely.ephemerals()]
    assert texts[0] == "plain text"
    assert [message["text"] for message in lonely.messages()] == ["for all"]
    assert texts[1] == '/similar failed with the error "invalid_blocks"'
    assert texts[2].startswith('/similar failed with the error "http_error')
