"""Files: `file_shared` where the bot is a member, and messages in direct messages."""

from __future__ import annotations

from typing import Any

from slack_bolt import App

from bot.listeners.context import Context
from bot.listeners.message_events import accept_files, accept_words, files_of, typed_in

WANTED_SUBTYPES = frozenset({None, "file_share"})
"""Edits, joins, unfurls and the rest are nobody's question."""


def register(app: App, context: Context) -> None:
    """Register the listeners of both events."""

    @app.event("file_shared")
    def file_shared(event: dict[str, Any], body: dict[str, Any]) -> None:
        user = str(event.get("user_id") or "")
        channel, file = str(event.get("channel_id") or ""), str(event.get("file_id") or "")
        if channel and file:
            context.acceptance.upload(
                channel, file, user, team=str(body.get("team_id") or ""), at=str(event.get("event_ts") or "")
            )

    @app.event("message")
    def message(event: dict[str, Any], body: dict[str, Any]) -> None:
        if event.get("channel_type") != "im" and event.get("subtype") == "file_share" and not event.get("bot_id"):
            _shared(context, event, body)
        if event.get("channel_type") != "im" or event.get("subtype") not in WANTED_SUBTYPES or event.get("bot_id"):
            return
        if accept_files(context, event, body):
            return
        accept_words(context, event, body, typed_in(str(event.get("text") or "")))


def _shared(context: Context, event: dict[str, Any], body: dict[str, Any]) -> None:
    """Accept the files of a channel's message, whose `file_shared` may never come in shared channels; where it does,
    it is one wish with this."""
    for file in files_of(event):
        context.acceptance.upload(
            str(event["channel"]),
            str(file["id"]),
            str(event.get("user") or ""),
            team=str(body.get("team_id") or ""),
            thread=str(event.get("thread_ts") or event["ts"]),
            at=str(event.get("event_ts") or ""),
        )
