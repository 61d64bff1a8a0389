"""What only a library has: Listen posts the moment that was found, Copy path tells where a file lies, Add to library
keeps an upload."""

from __future__ import annotations

from typing import Any

from slack_bolt import App

from bot import workspaces
from bot.listeners.context import Context, Listener
from bot.listeners.files import listener, post
from bot.listeners.permissions import require_listed
from bot.messages import Message
from bot.messages.button_values import ButtonValue
from bot.messages.library import ADD, LISTEN, PATH, added, excerpt_title, path_of
from bot.operations.requests import Request
from bot.slack.downloads import Downloader
from bot.slack.files import file_info
from bot.slack.payloads import need, team_of


def register(app: App, context: Context) -> None:
    """Register the listeners of the buttons, also of answers from before a setting was changed."""
    app.action(LISTEN)(listener(context, LISTEN, _listen))
    app.action(ADD)(listener(context, ADD, _add))


def choices(context: Context) -> dict[str, Listener]:
    """Return what the menu of a library's result can do."""
    return {LISTEN: listener(context, LISTEN, _listen), PATH: listener(context, PATH, _path)}


def _listen(context: Context, value: ButtonValue, body: dict[str, Any], request: Request) -> None:
    """Post the clip's sound into the thread of the answer."""
    from recommender.library.excerpts import excerpt

    recommender = context.services.recommender
    clip = recommender.clip(value.clip)
    with request.timings("excerpt"):
        sound = excerpt(recommender.catalogue, clip)
    with request.timings("reply"):
        post(context, body, content=sound, filename=f"{clip.clip_id}.wav", title=excerpt_title(clip))


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
