"""The Web API through slack_sdk: what it gives, and what it refuses."""

from __future__ import annotations

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox import names
from sandbox.client.driver import Driver

DM = names.direct_message(names.ADA)


def error_of(call, *arguments, **named):
    with pytest.raises(SlackApiError) as caught:
        call(*arguments, **named)
    return caught.value.response["error"]


def test_auth_test_names_the_bot_and_its_scopes(client: WebClient):
    answer = client.auth_test()
    assert answer["user_id"] == names.BOT
    assert answer["bot_id"] == names.BOT_ID
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")


@pytest.mark.parametrize("send", ["json", "form", "query"])
def test_takes_arguments_in_every_form(lonely: Driver, send):
    arguments = {"channel": names.SOUNDS, "text": "hello & goodbye"}
    kind = {"json": "json", "form": "data", "query": "params"}[send]
    headers = {"Authorization": f"Bearer {names.BOT_TOKEN}"}
    with requests.Session() as http:
        body = requests.Request("POST", f"{lonely.url}/api/chat.postMessage", headers=headers)
        setattr(body, kind, arguments)
        answer = http.send(body.prepare(), timeout=10)
    assert answer.json()["message"]["text"] == "hello & goodbye"
    assert lonely.messages()[-1]["text"] == "hello & goodbye"


def test_refuses_tokens_that_are_missing_wrong_or_of_the_other_kind(lonely: Driver):
    url = f"{lonely.url}/api/"
    assert error_of(WebClient("", base_url=url).auth_test) == "not_authed"
    assert error_of(WebClient("xoxb-wrong", base_url=url).auth_test) == "invalid_auth"
    assert error_of(WebClient(names.APP_TOKEN, base_url=url).auth_test) == "not_allowed_token_type"
    wrong = WebClient(names.BOT_TOKEN, base_url=url)
    assert error_of(wrong.apps_connections_open, app_token=names.BOT_TOKEN) == "not_allowed_token_type"


def test_refuses_what_needs_another_scope_and_names_it(lonely: Driver, client: WebClient):
    lonely.configure(scopes=["commands"])
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=names.SOUNDS, text="x")
    assert caught.value.response["needed"] == "chat:write"
    assert caught.value.response["provided"] == "commands"


def test_refuses_places_and_messages_that_are_not_there(lonely: Driver, client: WebClient):
    post, update = client.chat_postMessage, client.chat_update
    assert error_of(post, channel="C404", text="x") == "channel_not_found"
    assert error_of(post, channel=names.RANDOM, text="x") == "not_in_channel"
    assert post(channel=names.SOUNDS, text="x", thread_ts="1.000000")["ok"]  # Slack takes replies to what is gone
    assert error_of(update, channel=names.SOUNDS, ts="1.000000", text="x") == "message_not_found"
    hers = lonely.say(text="mine")
    assert error_of(update, channel=names.SOUNDS, ts=hers["ts"], text="x") == "cant_update_message"
    ephemeral = client.chat_postEphemeral
    assert error_of(ephemeral, channel=names.SOUNDS, user="U404", text="x") == "user_not_in_channel"
    assert error_of(client.api_call, "chat.sing") == "unknown_method"


def test_refuses_texts_and_blocks_beyond_the_limits(client: WebClient):
    post = client.chat_postMessage
    assert error_of(client.api_call, "chat.postMessage", json={"channel": names.SOUNDS}) == "no_text"
    assert error_of(post, channel=names.SOUNDS, text="x" * 40_001) == "msg_too_long"
    ts = post(channel=names.SOUNDS, text="x")["ts"]
    assert error_of(client.chat_update, channel=names.SOUNDS, ts=ts, text="x" * 4001) == "msg_too_long"
    with pytest.raises(SlackApiError) as caught:
        post(channel=names.SOUNDS, text="x", blocks=[{"type": "divider"}] * 51)
    assert caught.value.response["error"] == "invalid_blocks"
    problems = caught.value.response["response_metadata"]["messages"]
    assert problems == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]


def test_finds_channels_by_name_and_people_by_id(lonely: Driver, client: WebClient):
    assert client.chat_postMessage(channel="#sounds", text="x")["channel"] == names.SOUNDS
    assert client.chat_postMessage(channel=names.ADA, text="x")["channel"] == DM


def test_threads_count_their_replies(lonely: Driver, client: WebClient):
    first = lonely.say(text="first")
    client.chat_postMessage(channel=names.SOUNDS, text="reply", thread_ts=first["ts"])
    assert lonely.message(first["ts"])["reply_count"] == 1
    assert [m["text"] for m in lonely.replies(first)] == ["reply"]
    lonely.configure(scopes=["channels:history"])
    found = client.conversations_replies(channel=names.SOUNDS, ts=first["ts"])["messages"]
    assert [m["text"] for m in found] == ["first", "reply"]
    assert error_of(client.conversations_replies, channel=names.SOUNDS, ts="1.0") == "thread_not_found"


def test_history_needs_the_scope_of_the_kind_of_place(lonely: Driver, client: WebClient):
    lonely.say(DM, "hello")
    assert client.conversations_history(channel=DM)["messages"][0]["text"] == "hello"
    assert error_of(client.conversations_history, channel=names.SOUNDS) == "missing_scope"


def test_updates_replace_and_delete_deletes(lonely: Driver, client: WebClient):
    ts = client.chat_postMessage(channel=names.SOUNDS, text="before", blocks=[{"type": "divider"}])["ts"]
    client.chat_update(channel=names.SOUNDS, ts=ts, text="after")
    message = lonely.message(ts)
    assert message["text"] == "after"
    assert "blocks" not in message
    assert message["edited"]["user"] == names.BOT
    client.chat_delete(channel=names.SOUNDS, ts=ts)
    assert lonely.messages() == []


def test_reactions_come_and_go(lonely: Driver, client: WebClient):
    lonely.configure(scopes=["reactions:write"])
    ts = lonely.say(text="x")["ts"]
    where = {"channel": names.SOUNDS, "timestamp": ts}
    client.reactions_add(name="ear", **where)
    assert error_of(client.reactions_add, name="ear", **where) == "already_reacted"
    assert lonely.message(ts)["reactions"] == [{"name": "ear", "users": [names.BOT], "count": 1}]
    client.reactions_remove(name="ear", **where)
    assert error_of(client.reactions_remove, name="ear", **where) == "no_reaction"
    assert error_of(client.reactions_add, name="No Such", **where) == "invalid_name"


def test_links_unfurl_unless_they_are_told_not_to(lonely: Driver, client: WebClient):
    link = "<https://youtu.be/ELq5Oxwcmfs?t=30|clip>"
    assert "attachments" in client.chat_postMessage(channel=names.SOUNDS, text=link)["message"]
    quiet = client.chat_postMessage(channel=names.SOUNDS, text=link, unfurl_links=False, unfurl_media=False)
    assert "attachments" not in quiet["message"]


def test_permalinks_and_people(lonely: Driver, client: WebClient):
    ts = lonely.say(text="x")["ts"]
    link = client.chat_getPermalink(channel=names.SOUNDS, message_ts=ts)["permalink"]
    assert link.endswith(f"/archives/{names.SOUNDS}/p{ts.replace('.', '')}")
    lonely.configure(scopes=["users:read", "channels:read"])
    assert client.users_info(user=names.ADA)["user"]["real_name"] == "Ada"
    assert client.conversations_info(channel=names.SOUNDS)["channel"]["is_member"]


def test_the_bot_uploads_files_in_three_calls(lonely: Driver, client: WebClient):
    lonely.configure(scopes=["files:write", "files:read", "chat:write"])
    answer = client.files_upload_v2(channel=names.SOUNDS, filename="a.txt", content="hello", initial_comment="here")
    file = answer["file"]
    assert lonely.messages()[-1]["files"][0]["id"] == file["id"]
    headers = {"Authorization": f"Bearer {names.BOT_TOKEN}"}
    stored = lonely.file(file["id"])
    assert requests.get(stored["url_private_download"], headers=headers, timeout=10).text == "hello"
    assert error_of(client.files_completeUploadExternal, files=[{"id": "F404"}]) == "file_not_found"


def test_homes_are_published_and_views_need_a_fresh_trigger(lonely: Driver, client: WebClient):
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = client.views_publish(user_id=names.ADA, view=home)["view"]
    assert client.views_publish(user_id=names.ADA, view=home, hash=first["hash"])["view"]["id"] == first["id"]
    assert error_of(client.views_publish, user_id=names.ADA, view=home, hash=first["hash"]) == "hash_conflict"
    assert error_of(client.views_publish, user_id="U404", view=home) == "user_not_found"
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": []}
    assert error_of(client.views_open, trigger_id="made.up", view=modal) == "invalid_trigger_id"
    assert error_of(client.views_update, view_id="V404", view=modal) == "not_found"
    too_long = {**modal, "title": {"type": "plain_text", "text": "x" * 25}}
    assert error_of(client.views_open, trigger_id="made.up", view=too_long) == "invalid_arguments"


def test_another_sites_page_may_not_drive_it(lonely: Driver):
    headers = {"Origin": "https://evil.example"}
    answer = requests.post(f"{lonely.url}/sandbox/reset", json={}, headers=headers, timeout=10)
    assert answer.status_code == 403


def test_tokens_are_not_in_the_traffic(lonely: Driver):
    requests.post(f"{lonely.url}/api/auth.test", data={"token": names.BOT_TOKEN}, timeout=10)
    assert names.BOT_TOKEN not in str(lonely.traffic())
