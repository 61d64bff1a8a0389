"""`/similar …`"""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, BoltResponse

from bot.listeners import channel_settings
from bot.listeners.context import Context
from bot.listeners.replies import Place
from bot.messages import ask_view
from bot.operations.requests import Request
from bot.questions import parse
from bot.slack.names import COMMAND
from bot.slack.payloads import need, text


def register(app: App, context: Context) -> None:
    """Register the listener of the command."""

    @app.command(COMMAND)
    def similar(ack: Ack, command: dict[str, Any]) -> BoltResponse:
        place = Place.of_command(command)
        if text(command, "text").strip().lower() == channel_settings.WORD:
            return context.answer_soon(
                "settings", ack, place, lambda _: channel_settings.shown_in(context, place), response_type="ephemeral"
            )
        typed = parse(text(command, "text"))
        if typed.kind == "nothing":
            trigger, view = need(command, "trigger_id"), ask_view(place.response_url)

            def open_form(request: Request) -> None:
                context.services.client.views_open(trigger_id=trigger, view=view)

            context.answer_later("form", place, open_form)
            return ack()
        how = {"response_type": "in_channel" if typed.here else "ephemeral"}
        return context.answer_soon(
            "command",
            ack,
            place,
            lambda request: context.answerer.message(typed, place.user, request, ephemeral=not typed.here),
            **how,
        )
