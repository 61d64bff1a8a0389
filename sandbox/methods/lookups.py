"""Finding what a method's arguments name."""

from __future__ import annotations

from typing import Any

from sandbox.errors import SlackRefusal
from sandbox.methods.web_api import Api
from sandbox.workspace import Channel

Json = dict[str, Any]

HISTORY_SCOPES = {
    "im": "im:history",
    "public": "channels:history",
    "private": "groups:history",
    "mpim": "mpim:history",
}


def channel_of(api: Api, arguments: Json, *, member: bool = True) -> Channel:
    """The channel that a call names; raises `channel_not_found`, and `not_in_channel` where the bot must be in it."""
    name = arguments.get("channel")
    channel = api.workspace.find_channel(name) if isinstance(name, str) and name else None
    if channel is None:
        raise SlackRefusal("channel_not_found")
    if member and not channel.bot:
        raise SlackRefusal("not_in_channel")
    return channel


def message_of(channel: Channel, ts: Any) -> Json:
    """The message that a call names; raises `message_not_found`."""
    message = channel.messages.get(ts) if isinstance(ts, str) else None
    if message is None:
        raise SlackRefusal("message_not_found")
    return message


def need_history(api: Api, channel: Channel) -> None:
    """Raise `missing_scope` unless the app may read a channel's history."""
    needed = HISTORY_SCOPES[channel.kind]
    if needed not in api.workspace.app.scopes:
        raise SlackRefusal("missing_scope", needed=needed, provided=",".join(api.workspace.app.scopes))
