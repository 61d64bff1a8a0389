"""conversations.*."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.errors import SlackRefusal
from sandbox.methods.lookups import channel_of, message_of, need_history
from sandbox.methods.web_api import Api, method

Json = dict[str, Any]

PAGE = 100


@method("conversations.info")
def info(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, arguments, member=False)
    needed = "im:read" if channel.is_im else "channels:read"
    if needed not in api.workspace.app.scopes:
        raise SlackRefusal("missing_scope", needed=needed, provided=",".join(api.workspace.app.scopes))
    return {"channel": channel.to_json()}


@method("conversations.history")
def history(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, arguments)
    need_history(api, channel)
    shown = [m for m in channel.messages.values() if m.get("thread_ts", m["ts"]) == m["ts"]]
    found = _within(shown, arguments)[::-1]
    limit = _limit(arguments)
    return {"messages": _public(api, found[:limit], arguments), "has_more": len(found) > limit}


@method("conversations.replies")
def replies(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, arguments)
    need_history(api, channel)
    try:
        message = message_of(channel, arguments.get("ts"))
    except SlackRefusal:
        raise SlackRefusal("thread_not_found") from None
    found = _within(list(api.workspace.thread(channel, str(message.get("thread_ts") or message["ts"]))), arguments)
    limit = _limit(arguments)
    return {"messages": _public(api, found[:limit], arguments), "has_more": len(found) > limit}


@method("conversations.open", "im:write")
def open_(api: Api, arguments: Json) -> Json:
    channel = channel_of(api, {"channel": arguments.get("users")}, member=False)
    return {"channel": {"id": channel.id}}


def _limit(arguments: Json) -> int:
    try:
        return int(arguments.get("limit") or PAGE)
    except (TypeError, ValueError):
        raise SlackRefusal("invalid_limit") from None


def _within(messages: list[Json], arguments: Json) -> list[Json]:
    oldest, latest = str(arguments.get("oldest") or ""), str(arguments.get("latest") or "9")
    inclusive = bool(arguments.get("inclusive"))
    return [m for m in messages if oldest < m["ts"] < latest or (inclusive and m["ts"] in (oldest, latest))]


def _public(api: Api, messages: list[Json], arguments: Json) -> list[Json]:
    """Messages as Slack returns them; metadata only to those who ask for it."""
    shown = [copy.deepcopy(api.files.shown(message)) for message in messages]
    if not arguments.get("include_all_metadata"):
        for message in shown:
            message.pop("metadata", None)
    return shown
