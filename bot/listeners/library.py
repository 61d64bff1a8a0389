"""What only a library has: Listen posts the moment that was found, Export all results as files, Copy path tells where a
file lies, Add to library keeps an upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App, BoltResponse
from slack_sdk.errors import SlackApiError

from bot import workspaces
from bot.errors import lacking
from bot.listeners.context import Context, Listener
from bot.listeners.permissions import require_listed
from bot.listeners.replies import Place
from bot.messages import Message
from bot.messages.button_values import ButtonValue
from bot.messages.library import ADD, EXPORT, LISTEN, PATH, added, excerpt_title, path_of
from bot.operations.requests import Request
from bot.slack.downloads import Downloader
from bot.slack.errors import code_of
from bot.slack.files import file_info
from bot.slack.names import LISTEN_SCOPE
from bot.slack.payloads import need, team_of, text
from recommender.library.additions import libraries_of
from recommender.search.listings import as_csv, as_m3u8

Work = Callable[[Context, ButtonValue, dict[str, Any], Request], "Message | None"]


def register(app: App, context: Context) -> None:
    """Register the listeners of the buttons, also of answers from before a setting was changed."""
    app.action(LISTEN)(_listener(context, LISTEN, _listen))
    app.action(EXPORT)(_listener(context, EXPORT, _export))
    app.action(ADD)(_listener(context, ADD, _add))


def choices(context: Context) -> dict[str, Listener]:
    """Return what the menu of a library's result can do."""
    return {LISTEN: _listener(context, LISTEN, _listen), PATH: _listener(context, PATH, _path)}


def _listener(context: Context, kind: str, work: Work) -> Listener:
    def listener(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        place = Place.of_interaction(body)

        def counted(request: Request) -> Message | None:
            value = ButtonValue.read(action)
            context.answerer.count_question(place.user)
            return work(context, value, body, request)

        context.answer_later(kind, place, counted, replace_original=False)
        return ack()

    return listener


def _listen(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> None:
    """Post the clip's sound into the thread of the answer."""
    from recommender.library.excerpts import excerpt

    recommender = context.services.recommender
    clip = recommender.clip(value.clip)
    with request.timings("excerpt"):
        sound = excerpt(recommender.catalogue, clip)
    with request.timings("reply"):
        _upload(context, body, content=sound, filename=f"{clip.clip_id}.wav", title=excerpt_title(clip))


def _upload(context: Context, body: dict[str, Any], **files: Any) -> None:
    """Post files into the thread of the answer; raises `MissingScope`."""
    thread = text(body, "message", "thread_ts") or text(body, "message", "ts")
    try:
        context.services.client.files_upload_v2(channel=need(body, "channel", "id"), thread_ts=thread or None, **files)
    except SlackApiError as error:
        if code_of(error) == "missing_scope":
            raise lacking(LISTEN_SCOPE) from error
        raise


def _export(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> None:
    """Post the results as files into the thread of the answer."""
    found, _ = context.answerer.found(value.asked, request, value.catalogue)
    roots = libraries_of(context.services.recommender.catalogue)
    listed = {
        "similar.csv": as_csv([(value.asked.name or value.asked.query, found)], roots),
        "similar.m3u8": as_m3u8(found.results, roots),
        "similar-relative.m3u8": as_m3u8(found.results, roots, absolute=False),
    }
    files = [
        {"filename": name, "content": written.encode(errors="surrogateescape")} for name, written in listed.items()
    ]
    with request.timings("reply"):
        _upload(context, body, file_uploads=files)


def _path(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> Message:
    return path_of(context.services.recommender.clip(value.clip))


def _add(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> Message:
    """Keep the upload in the library, where the next question finds it."""
    user = need(body, "user", "id")
    services = context.services
    listed = services.settings.librarians
    require_listed(services.client, user, team_of(body), listed, "add sounds to the library", "LIBRARY_ADDERS")
    file = file_info(services.client, value.file)
    file.require_obtainable(services.settings.max_upload_bytes)
    with services.scratch.file() as path:
        with request.timings("download"):
            Downloader.from_settings(services.settings, services.client).fetch(file.url, path)
        upload = services.recommender.embed_file(path, request.timings)
        clip = services.recommender.add(path, upload, name=file.name, who=workspaces.named(user))
    return added(clip)
