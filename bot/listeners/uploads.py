"""Files: `file_shared` where the bot is a member, and messages in direct messages."""

from __future__ import annotations

from typing import Any

from slack_bolt import App

from bot.listeners.context import Context
from bot.listeners.message_events import accept_files, accept_words, typed_in

WANTED_SUBTYPES = frozenset({None, "file_share"})
"""Edits, joins, unfurls and the rest are nobody's question."""


def register(app: App, context: Context) -> None:
    """Listen to both events."""

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
        if event.get("channel_type") != "im" or event.get("subtype") not in WANTED_SUBTYPES or event.get("bot_id"):
            return
        if accept_files(context, event, body):
            return
        accept_words(context, event, body, typed_in(str(event.get("text") or "")))
