"""The message shortcut "Find similar clips"."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, BoltResponse

from bot.listeners.context import Context
from bot.listeners.message_events import files_of, words_of
from bot.listeners.replies import Place
from bot.messages import Message, asked_again
from bot.operations.requests import Request
from bot.questions import Question
from bot.slack.files import SharedFile
from bot.slack.names import FIND_SIMILAR
from bot.slack.payloads import mapping, need, team_of, text
from recommender.errors import BadQuery

NOTHING = "That message has neither audio nor a YouTube link that the catalogue knows: try it on another."


def register(app: App, context: Context) -> None:
    """Register the listener of the shortcut."""

    @app.shortcut(FIND_SIMILAR)
    def find_similar(ack: Ack, shortcut: dict[str, Any]) -> BoltResponse:
        place = Place.of_interaction(shortcut)
        user, message = place.user, mapping(shortcut, "message")
        files = [SharedFile.from_slack(file) for file in files_of(message)]
        sounds = [file for file in files if file.sounds is not False and file.file_id]
        for file in sounds:
            context.acceptance.upload(
                need(shortcut, "channel", "id"),
                file.file_id,
                user,
                team=team_of(shortcut),
                thread=text(message, "thread_ts") or text(message, "ts"),
                asked=True,
                fallback=user,
                mark=need(shortcut, "trigger_id"),
                once=True,
            )
        context.answer_later("shortcut", place, lambda request: _reply(context, message, len(sounds), user, request))
        return ack()


def _reply(context: Context, message: dict[str, Any], files: int, user: str, request: Request) -> Message:
    if files:
        return asked_again("Listening: the answer comes in the thread, or directly to you where I may not write there.")
    clip = context.services.recommender.clip_of_link(words_of(message))
    if clip is None:
        raise BadQuery(NOTHING)
    context.answerer.count_question(user)
    question = Question(clip.clip_id)
    found, _ = context.answerer.found(question, request)
    context.services.history.add(user, question)
    return context.answerer.answer(found, question, ephemeral=True)
