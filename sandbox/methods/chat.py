"""chat.*."""

from __future__ import annotations

import copy
import math
import re
import time
from typing import Any

from sandbox import names
from sandbox.delivery.response_urls import content_of
from sandbox.errors import SlackRefusal
from sandbox.faults import rate_limited
from sandbox.methods.lookups import channel_of, message_of
from sandbox.methods.web_api import Api, method
from sandbox.workspace import Channel

Json = dict[str, Any]

UPDATE_TEXT_LENGTH = 4000
POST_SECONDS = 1.0
"""Slack takes about one message a second and channel."""
_LINK = re.compile(r"https?://[^\s|>]+")


@method("chat.postMessage", "chat:write")
def post_message(api: Api, arguments: Json) -> Json:
    channel = _open_channel(api, arguments)
    message = {"user": names.BOT, "bot_id": names.BOT_ID, "app_id": names.APP, **_content(arguments)}
    _place_in_thread(channel, arguments, message)
    if isinstance(arguments.get("metadata"), dict):
        message["metadata"] = arguments["metadata"]
    _keep_to_rate(api, channel)
    if not (arguments.get("unfurl_links") is False and arguments.get("unfurl_media") is False):
        message |= _unfurled(message)
    message = api.workspace.post(channel, message)
    api.events.posted(channel, message)
    return {"channel": channel.id, "ts": message["ts"], "message": copy.deepcopy(api.files.shown(message))}


@method("chat.postEphemeral", "chat:write")
def post_ephemeral(api: Api, arguments: Json) -> Json:
    channel = _open_channel(api, arguments)
    user = arguments.get("user")
    if user not in api.workspace.users or user == names.BOT or (channel.is_im and channel.person != user):
        raise SlackRefusal("user_not_in_channel")
    message = {"user": names.BOT, "bot_id": names.BOT_ID, "app_id": names.APP, **_content(arguments)}
    _place_in_thread(channel, arguments, message)
    _keep_to_rate(api, channel)
    return {"message_ts": api.workspace.post_ephemeral(channel, user, message)["ts"]}


@method("chat.update", "chat:write")
def update(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, arguments, member=False)
    message = message_of(channel, arguments.get("ts"))
    if message.get("user") != names.BOT:
        raise SlackRefusal("cant_update_message")
    if len(arguments.get("text") or "") > UPDATE_TEXT_LENGTH:
        raise SlackRefusal("msg_too_long")
    content = _content(arguments)
    before = copy.deepcopy(api.files.shown(message))
    if "blocks" in arguments or "text" in arguments:
        message.pop("blocks", None)
        message.pop("_state", None)
    message.update(content)
    message["edited"] = {"user": names.BOT, "ts": api.workspace.clock.ts()}
    api.workspace.update(message)
    api.events.changed(channel, api.files.shown(message), before)
    return {
        "channel": channel.id,
        "ts": message["ts"],
        "text": message["text"],
        "message": copy.deepcopy(api.files.shown(message)),
    }


@method("chat.delete", "chat:write")
def delete(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, arguments, member=False)
    message = message_of(channel, arguments.get("ts"))
    if message.get("user") != names.BOT:
        raise SlackRefusal("cant_delete_message")
    api.workspace.remove(channel, message["ts"])
    api.events.deleted(channel, api.files.shown(message))
    return {"channel": channel.id, "ts": message["ts"]}


@method("chat.getPermalink")
def get_permalink(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, arguments, member=False)
    message = message_of(channel, arguments.get("message_ts"))
    link = f"{api.origin}/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def _open_channel(api: Api, arguments: Json) -> Channel:
    channel = channel_of(api, arguments)
    if channel.refuses:
        raise SlackRefusal(channel.refuses)
    return channel


def _content(arguments: Json) -> Json:
    try:
        return content_of(arguments)
    except SlackRefusal as refusal:
        # The same checks as a response_url's, which answers with other statuses than the Web API's 200.
        refusal.status = 200
        raise


def _place_in_thread(channel: Channel, arguments: Json, message: Json) -> None:
    thread = arguments.get("thread_ts")
    if not thread:
        return
    parent = channel.messages.get(str(thread), {"ts": str(thread)})  # a deleted one as well
    message["thread_ts"] = parent.get("thread_ts", parent["ts"])
    message["parent_user_id"] = parent.get("user")
    if arguments.get("reply_broadcast"):
        message["subtype"] = "thread_broadcast"


def _keep_to_rate(api: Api, channel: Channel) -> None:
    if not api.workspace.faults.rate:
        return
    now = time.monotonic()
    wait = channel.last_post + POST_SECONDS - now
    if wait > 0:
        raise rate_limited(math.ceil(wait))
    channel.last_post = now


def _unfurled(message: Json) -> Json:
    links = list(dict.fromkeys(_LINK.findall(str(message))))
    cards = [{"from_url": link, "title": link, "fallback": link} for link in links if "127.0.0.1" not in link]
    return {"attachments": cards[:20]} if cards else {}
