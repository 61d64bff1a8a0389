"""`@Soundalike …`, with a file or with words."""

from __future__ import annotations

from typing import Any

from slack_bolt import App

from bot.listeners.context import Context
from bot.listeners.message_events import accept_files, accept_words, typed_in
from bot.slack.payloads import text


def register(app: App, context: Context) -> None:
    """Register the listener of mentions."""

    @app.event("app_mention")
    def app_mention(event: dict[str, Any], body: dict[str, Any]) -> None:
        if not event.get("bot_id") and not accept_files(context, event, body):
            # Slack may have left a file out, whose filters these words are: that shows in the queue.
            accept_words(context, event, body, typed_in(text(event, "text"), beside_file=True))
