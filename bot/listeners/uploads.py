"""Files: `file_shared` where the bot is a member, and messages in direct messages."""

from __future__ import annotations

from typing import Any

from slack_bolt import App

from bot.listeners.context import Context
from bot.listeners.message_events import accept_files, accept_words, files_of, thread_of, typed_in
from bot.slack.payloads import need, team_of, text

WANTED_SUBTYPES = frozenset({"", "file_share"})
"""Edits, joins, unfurls and the rest are nobody's question."""


def register(app: App, context: Context) -> None:
    """Register the listeners of both events."""

    @app.event("file_shared")
    def file_shared(event: dict[str, Any], body: dict[str, Any]) -> None:
        channel, file = text(event, "channel_id"), text(event, "file_id")
        if channel and file:
            user, at = text(event, "user_id"), text(event, "event_ts")
            context.acceptance.upload(channel, file, user, team=team_of(body), at=at)

    @app.event("message")
    def message(event: dict[str, Any], body: dict[str, Any]) -> None:
        if event.get("channel_type") != "im" and event.get("subtype") == "file_share" and not event.get("bot_id"):
            _shared(context, event, body)
        if event.get("channel_type") != "im" or text(event, "subtype") not in WANTED_SUBTYPES or event.get("bot_id"):
            return
        if accept_files(context, event, body):
            return
        accept_words(context, event, body, typed_in(text(event, "text")))


def _shared(context: Context, event: dict[str, Any], body: dict[str, Any]) -> None:
    """Accept the files of a channel's message, whose `file_shared` may never come in shared channels; where it does,
    it is one wish with this."""
    for file in files_of(event):
        context.acceptance.upload(
            need(event, "channel"),
            need(file, "id"),
            text(event, "user"),
            team=team_of(body),
            thread=thread_of(event),
            at=text(event, "event_ts"),
        )
