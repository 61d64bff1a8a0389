"""Buttons below answers, and the menu of each result. Each carries its whole question, so that any process can answer
it, also after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App, BoltResponse

from bot.listeners import library
from bot.listeners.context import Context, Listener
from bot.listeners.replies import Place
from bot.messages import Message, asked_again, matches_view
from bot.messages.answers import LESS_LIKE, MORE_LIKE, MOST_NARROWING, NOT_RELEVANT, RESULT_MENU
from bot.messages.button_values import TOO_OLD, ButtonValue, chosen
from bot.operations.requests import Request
from bot.questions import Question
from bot.slack.payloads import mapping, need
from recommender.errors import BadQuery

Change = Callable[[Question, str], Question]

CHANGES: dict[str, Change] = {
    MORE_LIKE: lambda question, clip: question.steered("+", clip),
    LESS_LIKE: lambda question, clip: question.steered("-", clip),
    NOT_RELEVANT: lambda question, clip: question.leaving_out(clip),
    "nothing_left_out": lambda question, clip: replace(question, left_out=()),
    "next_ten": lambda question, clip: replace(question, skip=question.skip + question.top),
    "first_ten": lambda question, clip: replace(question, skip=0),
    "only_labels": lambda question, clip: replace(question, skip=0),
    "all_labels": lambda question, clip: replace(question, only=(), skip=0),
    **{f"narrow_{place}": lambda question, clip: replace(question, skip=0) for place in range(MOST_NARROWING)},
}
"""What each button makes of the question it carries."""


def register(app: App, context: Context) -> None:
    """Register the listeners of all buttons of answers."""
    for action_id, change in CHANGES.items():
        app.action(action_id)(_listener(context, action_id, change))
    choices = {kind: _listener(context, kind, CHANGES[kind]) for kind in (MORE_LIKE, LESS_LIKE, NOT_RELEVANT)}
    choices |= library.choices(context)

    @app.action(RESULT_MENU)
    def choose(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        kind = chosen(action)
        if kind not in choices:
            raise BadQuery(TOO_OLD)
        return choices[kind](ack, action, body)

    @app.action("share")
    def share(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        place = Place.of_interaction(body)
        context.submit("share", place.user, lambda request: _share(context, action, place, request))
        return ack()

    @app.action("where_matched")
    def where_matched(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        place = Place.of_interaction(body)
        trigger = need(body, "trigger_id")

        def show(request: Request) -> None:
            value = ButtonValue.read(action)
            context.answerer.count_question(place.user)
            found, _ = context.answerer.found(value.asked, request, value.catalogue)
            context.services.client.views_open(trigger_id=trigger, view=matches_view(found, value.asked))

        context.answer_later("where_matched", place, show, replace_original=False)
        return ack()


def _listener(context: Context, kind: str, change: Change) -> Listener:
    def listener(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        user = Place.of_interaction(body).user
        context.submit(kind, user, lambda request: _edit(context, change, action, body, request))
        return ack()

    return listener


def _edit(context: Context, change: Change, action: dict[str, Any], body: dict[str, Any], request: Request) -> None:
    """Edit the answer into that of the changed question; an error is told beside it, which leaves it as it was."""
    place = Place.of_interaction(body)
    ephemeral = mapping(body, "container").get("is_ephemeral") is True

    def changed() -> Message:
        value = ButtonValue.read(action)
        question = change(value.asked, value.clip)
        context.answerer.count_question(place.user)
        found, note = context.answerer.found(question, request, value.catalogue)
        context.services.history.add(place.user, question)
        return context.answerer.answer(found, question, ephemeral=ephemeral, note=note)

    message = context.answerer.spoken(request, changed)
    context.respond(place, message, **_beside_or_instead(request, ephemeral))


def _beside_or_instead(request: Request, ephemeral: bool) -> dict[str, Any]:
    if request.outcome != "answered":
        return {"replace_original": False}
    return {"replace_original": True, "response_type": "ephemeral" if ephemeral else "in_channel"}


def _share(context: Context, action: dict[str, Any], place: Place, request: Request) -> None:
    def shared() -> Message:
        value = ButtonValue.read(action)
        context.answerer.count_question(place.user)
        found, note = context.answerer.found(value.asked, request, value.catalogue)
        return context.answerer.answer(found, value.asked, note=note, shared_by=place.user)

    message = context.answerer.spoken(request, shared)
    if request.outcome == "answered":
        context.respond(place, message, response_type="in_channel", replace_original=False)
        context.respond(place, asked_again("Shared."), replace_original=True)
    else:
        context.respond(place, message, replace_original=False)
