"""Files that the bot posts: into the thread of the answer that they belong to, or into the direct messages where one
person alone sees it. Export posts all results as a table and as playlists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltResponse
from slack_sdk.errors import SlackApiError

from bot.errors import lacking
from bot.listeners.context import Context, Listener
from bot.listeners.replies import Place
from bot.messages import Message, asked_again
from bot.messages.button_values import ButtonValue
from bot.messages.library import EXPORT
from bot.operations.requests import Request
from bot.slack.errors import code_of
from bot.slack.names import FILES_SCOPE
from bot.slack.payloads import mapping, need, text
from recommender.library.additions import libraries_of
from recommender.search.listings import as_csv, as_m3u8

SENT = "The files are in our direct messages, since only you see this answer."

Work = Callable[[Context, ButtonValue, dict[str, Any], Request], "Message | None"]


def register(app: App, context: Context) -> None:
    """Register the listeners of the buttons, also of answers from before a setting was changed."""
    app.action(EXPORT)(listener(context, EXPORT, _export))


def listener(context: Context, kind: str, work: Work) -> Listener:
    """Return the listener of a button or an option: it counts as a question, and what it says comes beside the
    answer."""

    def listen(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        place = Place.of_interaction(body)

        def counted(request: Request) -> Message | None:
            value = ButtonValue.read(action)
            context.answerer.count_question(place.user)
            return work(context, value, body, request)

        context.answer_later(kind, place, counted, replace_original=False)
        return ack()

    return listen


def post(context: Context, body: dict[str, Any], **files: Any) -> Message | None:
    """Post files where the answer is, and return what is said where they are elsewhere; raises `MissingScope`."""
    client = context.services.client
    channel, thread = need(body, "channel", "id"), text(body, "message", "thread_ts") or text(body, "message", "ts")
    alone = mapping(body, "container").get("is_ephemeral") is True
    if alone:
        said = client.chat_postMessage(channel=need(body, "user", "id"), text="What you asked for as files:")
        channel, thread = str(said["channel"]), str(said["ts"])
    try:
        client.files_upload_v2(channel=channel, thread_ts=thread or None, **files)
    except SlackApiError as error:
        if code_of(error) == "missing_scope":
            raise lacking(FILES_SCOPE) from error
        raise
    return asked_again(SENT) if alone else None


def _export(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> Message | None:
    """Post the results as files."""
    found, _ = context.answerer.found(value.asked, request, value.catalogue)
    roots = libraries_of(context.services.recommender.catalogue)
    listed = {
        "similar.csv": as_csv([(value.asked.name or value.asked.query, found)], roots),
        "similar.m3u8": as_m3u8(found.results, roots),
    }
    if roots:
        listed["similar-relative.m3u8"] = as_m3u8(found.results, roots, absolute=False)
    files = [
        {"filename": name, "content": written.encode(errors="surrogateescape")} for name, written in listed.items()
    ]
    with request.timings("reply"):
        return post(context, body, file_uploads=files)
