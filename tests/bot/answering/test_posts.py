"""Posts and edits whose answer breaks off."""

from __future__ import annotations

import json
from dataclasses import replace
from http.client import IncompleteRead
from unittest.mock import Mock

import pytest
import redis
from slack_sdk.errors import SlackApiError

from bot.answering.posts import PostLater, Posts, Unpostable
from bot.messages import Message
from bot.queue.jobs import Job
from bot.queue.records import Records
from bot.slack.errors import code_of

MESSAGE = Message("Listening", [{"type": "divider"}])
BROKEN = [IncompleteRead(b"{"), ConnectionResetError(), json.JSONDecodeError("", "", 0)]
JOB = Job.new("C1", "F1", "U1", thread="1.0")


@pytest.fixture
def slack() -> Mock:
    return Mock()


@pytest.fixture
def records(redis_url: str) -> Records:
    return Records(redis.Redis.from_url(redis_url))


@pytest.fixture
def posts(slack: Mock, records: Records) -> Posts:
    return Posts(slack, slack, records)


@pytest.mark.parametrize("broken", BROKEN, ids=repr)
def test_an_edit_whose_answer_breaks_off_is_made_again(posts: Posts, slack: Mock, broken: Exception):
    slack.chat_update.side_effect = broken
    with pytest.raises(PostLater):
        posts.edit(replace(JOB, ts="2.0"), MESSAGE)


def test_an_edit_without_the_blocks_that_slack_refused_is_made_again_too(posts: Posts, slack: Mock):
    slack.chat_update.side_effect = [SlackApiError("no", {"error": "invalid_blocks"}), IncompleteRead(b"{")]
    with pytest.raises(PostLater):
        posts.edit(replace(JOB, ts="2.0"), MESSAGE)
    assert slack.chat_update.call_args.kwargs["blocks"] == []


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message", "something_new"])
def test_what_may_not_be_edited_is_posted_anew_once_however_often_it_is_tried(posts: Posts, slack: Mock, code: str):
    slack.chat_update.side_effect = SlackApiError("no", {"error": code})
    slack.chat_postMessage.return_value = {"ts": "3.0", "channel": "C1"}
    for _ in range(3):
        posts.edit(replace(JOB, ts="2.0"), MESSAGE)
    assert slack.chat_postMessage.call_count == 1
    slack.chat_delete.assert_called_with(channel="C1", ts="2.0")


def test_what_somebody_deleted_is_not_posted_anew(posts: Posts, slack: Mock):
    slack.chat_update.side_effect = SlackApiError("no", {"error": "message_not_found"})
    posts.edit(replace(JOB, ts="2.0"), MESSAGE)
    assert not slack.chat_postMessage.called


def test_who_cannot_be_answered_at_all_is_given_up(posts: Posts, slack: Mock):
    slack.chat_postMessage.side_effect = [
        SlackApiError("no", {"error": code}) for code in ("is_archived", "no_permission")
    ]
    with pytest.raises(Unpostable, match="no_permission"):
        posts.post(replace(JOB, asked=True), MESSAGE)
    assert [call.kwargs["channel"] for call in slack.chat_postMessage.call_args_list] == ["C1", "U1"]


@pytest.mark.parametrize("broken", BROKEN, ids=repr)
def test_a_post_whose_answer_breaks_off_is_in_doubt(posts: Posts, slack: Mock, records: Records, broken: Exception):
    slack.chat_postMessage.side_effect = broken
    with pytest.raises(PostLater):
        posts.post(JOB, MESSAGE)
    assert records.get(JOB.id).claimed == -1
    slack.conversations_replies.side_effect = broken
    with pytest.raises(PostLater):
        posts.post(JOB, MESSAGE)
    slack.conversations_replies.side_effect = SlackApiError("no", {"error": "missing_scope"})
    slack.files_info.side_effect = broken
    with pytest.raises(PostLater):
        posts.post(JOB, MESSAGE)
    assert slack.chat_postMessage.call_count == 1


def test_an_answer_that_is_no_json_says_nothing_about_the_post(posts: Posts, slack: Mock, records: Records):
    sentence = "Received a response in a non-JSON format: <html>"
    slack.chat_postMessage.side_effect = error = SlackApiError("no", {"ok": False, "error": sentence})
    assert code_of(error) == "internal_error"
    with pytest.raises(PostLater):
        posts.post(JOB, MESSAGE)
    assert records.get(JOB.id).claimed == -1
