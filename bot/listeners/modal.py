"""The form that `/similar` alone opens."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App, BoltResponse

from bot.errors import OddPayload, QueueAway
from bot.listeners.context import Context, fits_ack
from bot.listeners.message_events import plain_text
from bot.listeners.replies import Place
from bot.messages import Message, where_to_look
from bot.messages.modal import ASK_CALLBACK
from bot.operations.requests import Request
from bot.questions import Question, Typed
from bot.slack.payloads import items, mapping, need, team_of, text
from recommender.errors import BadQuery

LABELS_OFFERED = 20
MAX_OPTION_CHARS = 75
"""Slack's limit on an option's text; its value may be as long, which must name the label in full."""
MISSING = "Name a clip, say a sound in words, or choose audio files."


def register(app: App, context: Context) -> None:
    """Register the listeners of the form and of its label fields."""

    @app.view(ASK_CALLBACK)
    def submitted(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> BoltResponse:
        user, values = need(body, "user", "id"), mapping(view, "state", "values")
        clip = plain_text(text(values, "clip", "clip", "value"))
        files = [need(file, "id") for file in items(values, "files", "files", "files")]
        if not clip and not files:
            return ack(response_action="errors", errors={"clip": MISSING})
        question = Question(clip, only=_chosen(values, "only"), without=_chosen(values, "without"))
        place, team = Place(user, _response_url(view)), team_of(body)
        try:
            for file in files:
                context.acceptance.upload(
                    user, file, user, team=team, asked=True, filters=replace(question, query=""), once=True
                )
        except QueueAway as error:
            return ack(response_action="errors", errors={"files": str(error)})
        context.answer_later("form", place, lambda request: _reply(context, question, len(files), user, request))
        return ack()

    for name in ("only", "without"):

        @app.options(name)
        def complete(ack: Ack, payload: dict[str, Any]) -> BoltResponse:
            labels = context.services.recommender.labels(text(payload, "value"), LABELS_OFFERED)
            options = [_option(label) for label in labels if len(label) <= MAX_OPTION_CHARS]
            while not fits_ack({"options": options}):
                options.pop()
            return ack(options=options)


def _reply(context: Context, question: Question, files: int, user: str, request: Request) -> Message:
    if not question.query:
        return where_to_look(files)
    return context.answerer.message(Typed("similar", question), user, request, ephemeral=True)


def _response_url(view: dict[str, Any]) -> str:
    try:
        return need(json.loads(text(view, "private_metadata") or "{}"), "response_url")
    except (ValueError, OddPayload) as error:
        raise BadQuery("This form is too old: type /similar again.") from error


def _chosen(values: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(need(option, "value") for option in items(values, name, name, "selected_options"))


def _option(label: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": label, "emoji": False}, "value": label}
