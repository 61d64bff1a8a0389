"""Where answers go that no job stands for: to the thread, by response_url, or directly."""

from __future__ import annotations

import json
from http.client import IncompleteRead
from typing import Any
from unittest.mock import Mock

import pytest
from slack_sdk.errors import SlackApiError

from bot.listeners.replies import NO_ANSWERS, Place, Replies
from bot.messages import Message

URL = "http://slack.example/response"
MESSAGE = Message("found", [{"type": "divider"}])
PLACE = Place("U1", URL, "C1")


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """A response_url that takes everything; `told` of it gives what was posted."""
    made = Mock(send_dict=Mock(return_value=Mock(status_code=200, body="ok")))
    monkeypatch.setattr("bot.listeners.replies.WebhookClient", made.client)
    made.client.return_value = made
    return made


def refusing(status: int, code: str) -> Mock:
    return Mock(status_code=status, body=json.dumps({"ok": False, "error": code}))


def send(client: Mock, place: Place = PLACE, **how: Any) -> None:
    Replies(client, "http://slack.example/api/").send(place, MESSAGE, **how)


@pytest.mark.parametrize(
    "refusal", [refusing(404, "expired_url"), refusing(404, "used_url"), Mock(status_code=404, body="expired_url")]
)
def test_what_a_response_url_takes_no_more_comes_directly_and_says_why(webhook: Mock, refusal: Mock):
    client = Mock()
    webhook.send_dict.return_value = refusal
    send(client)
    (call,) = client.chat_postMessage.call_args_list
    assert call.kwargs["channel"] == "U1"
    assert f"Directly to you, since {NO_ANSWERS} (<#C1>)." in call.kwargs["text"]


def test_what_cannot_reach_a_response_url_comes_directly(webhook: Mock):
    client = Mock()
    webhook.send_dict.side_effect = IncompleteRead(b"")
    send(client)
    assert client.chat_postMessage.call_count == 1


def test_an_answer_that_reaches_nobody_is_noted(webhook: Mock, caplog: pytest.LogCaptureFixture):
    client = Mock()
    client.chat_postMessage.side_effect = SlackApiError("no", {"ok": False, "error": "messages_tab_disabled"})
    webhook.send_dict.return_value = refusing(404, "used_url")
    send(client)
    assert "an answer could not be delivered: Slack says messages_tab_disabled" in caplog.text


def test_a_message_that_somebody_deleted_is_not_replaced(webhook: Mock):
    client = Mock()
    webhook.send_dict.return_value = refusing(404, "message_not_found")
    send(client, replace_original=True)
    assert client.mock_calls == []


def test_blocks_that_slack_does_not_take_go_out_as_text(webhook: Mock):
    client = Mock()
    webhook.send_dict.side_effect = [refusing(400, "invalid_blocks"), Mock(status_code=200, body="ok")]
    send(client)
    blocks, text = (call.args[0] for call in webhook.send_dict.call_args_list)
    assert blocks["blocks"] and not text.get("blocks") and text["text"] == "found"
    assert client.mock_calls == []


def test_a_response_url_elsewhere_is_not_posted_to(webhook: Mock, caplog: pytest.LogCaptureFixture):
    client = Mock()
    send(client, Place("U1", "http://127.0.0.1:6379/response"))
    assert not webhook.client.called and client.mock_calls == []
    assert "was not posted" in caplog.text and "6379" not in caplog.text


THREAD = Place("U1", URL, "C1", "1.0")


def test_refusals_in_a_thread_stay_in_it(webhook: Mock):
    client = Mock()
    send(client, THREAD, replace_original=False)
    assert client.chat_postEphemeral.call_args.kwargs["thread_ts"] == "1.0"
    assert not webhook.client.called


def test_where_the_bot_may_not_write_to_a_thread_its_response_url_does(webhook: Mock):
    client = Mock()
    client.chat_postEphemeral.side_effect = SlackApiError("no", {"ok": False, "error": "not_in_channel"})
    send(client, THREAD, replace_original=False)
    assert webhook.send_dict.call_count == 1


def test_what_replaces_a_message_or_is_for_all_goes_by_response_url(webhook: Mock):
    client = Mock()
    send(client, THREAD, replace_original=True)
    send(client, THREAD, replace_original=False, response_type="in_channel")
    replaced, shared = (call.args[0] for call in webhook.send_dict.call_args_list)
    assert "thread_ts" not in replaced
    assert shared["thread_ts"] == "1.0"
    assert client.mock_calls == []


@pytest.mark.parametrize(
    ("body", "thread"),
    [
        ({"container": {"thread_ts": "1.0", "message_ts": "2.0"}}, "1.0"),
        ({"message": {"ts": "2.0", "thread_ts": "1.0"}}, "1.0"),
        ({"message": {"ts": "1.0", "thread_ts": "1.0"}}, ""),  # its first message stands in the channel
        ({"message": {"ts": "1.0"}}, ""),
        ({"team": None, "channel": None, "container": None, "message": None}, ""),
    ],
)
def test_the_thread_of_an_interaction(body: dict[str, Any], thread: str):
    assert Place.of_interaction({"user": {"id": "U1"}, **body}).thread == thread
