"""`@Soundalike …`, with a file or with words."""

from __future__ import annotations

import time
from typing import Any

from slack_bolt import App

from bot.listeners.context import Context
from bot.listeners.message_events import accept_files, accept_words, typed_in
from bot.operations.requests import Request

FILE_PATIENCE_SECONDS = 1.5
"""Slack may leave a mention's files out of its event; `file_shared` tells of them within this time."""


def register(app: App, context: Context) -> None:
    """Register the listener of mentions."""

    @app.event("app_mention")
    def app_mention(event: dict[str, Any], body: dict[str, Any]) -> None:
        if event.get("bot_id") or accept_files(context, event, body):
            return
        typed = typed_in(str(event.get("text") or ""))
        if typed.kind == "nothing":
            context.submit(
                "mention", str(event.get("user") or ""), lambda request: _silent(context, event, body, request)
            )
        else:
            accept_words(context, event, body, typed)


def _silent(context: Context, event: dict[str, Any], body: dict[str, Any], request: Request) -> None:
    """Answer a mention without words by help, unless it came with a file after all."""
    time.sleep(FILE_PATIENCE_SECONDS)
    if context.acceptance.has_file(str(event["channel"]), str(event.get("thread_ts") or event["ts"])):
        request.outcome = "repeated"
        return
    accept_words(context, event, body, typed_in("help"))
