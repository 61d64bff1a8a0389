"""`/similar settings`, its controls, and the ear on whose click a sound is answered."""

from __future__ import annotations

from typing import Any

import redis
from slack_bolt import Ack, App, BoltResponse

from bot.answering.manners import ANSWERS
from bot.errors import OddPayload, QueueAway
from bot.intake.acceptance import AWAY
from bot.listeners.context import Context
from bot.listeners.permissions import require_listed
from bot.listeners.replies import Place
from bot.messages import Message
from bot.messages.channel_settings import (
    ANSWERS_ACTION,
    NO_SPEECH,
    SPEECH_ACTION,
    channel_settings,
    in_direct_messages,
)
from bot.operations.requests import Request
from bot.slack.names import EAR_REACTION
from bot.slack.payloads import items, need, team_of, text

WORD = "settings"


def register(app: App, context: Context) -> None:
    """Register the listeners of the controls and of reactions."""

    @app.action(ANSWERS_ACTION)
    def answers(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        chosen = need(action, "selected_option", "value")
        if chosen not in ANSWERS:
            raise OddPayload("Slack sent a choice that I do not know: type `/similar settings` again.")
        return changed(ack, body, answers=chosen)

    @app.action(SPEECH_ACTION)
    def speech(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        chosen = {text(option, "value") for option in items(action, "selected_options")}
        return changed(ack, body, speech=NO_SPEECH not in chosen)

    def changed(ack: Ack, body: dict[str, Any], **change: Any) -> BoltResponse:
        place, channel, team = Place.of_interaction(body), need(body, "channel", "id"), team_of(body)

        def save(request: Request) -> Message | None:
            context.answerer.count_question(place.user)
            listed = context.services.settings.channel_changers
            if listed:
                require_listed(context.services.client, place.user, team, listed, "change this", "CHANNEL_SETTERS")
            try:
                manner = context.services.manners.change(channel, **change)
            except redis.RedisError as error:
                raise QueueAway(AWAY) from error
            shown = channel_settings(manner.answers, manner.speech, saved=True)
            context.respond(place, shown, replace_original=True)
            return None

        context.answer_later("settings", place, save, replace_original=False)
        return ack()

    @app.event("reaction_added")
    def reacted(event: dict[str, Any], body: dict[str, Any]) -> None:
        if text(event, "reaction") != EAR_REACTION or text(event, "item", "type") != "message":
            return
        channel, ts = need(event, "item", "channel"), need(event, "item", "ts")
        for file in context.acceptance.files(channel, ts):
            context.acceptance.upload(channel, file, need(event, "user"), team=team_of(body), asked=True)


def shown_in(context: Context, place: Place) -> Message:
    """Return the settings of the channel where somebody asked for them; raises `QueueAway`."""
    if place.channel[:1] == "D":
        return in_direct_messages()
    try:
        manner = context.services.manners.of(place.channel)
    except redis.RedisError as error:
        raise QueueAway(AWAY) from error
    return channel_settings(manner.answers, manner.speech)
