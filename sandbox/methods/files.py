"""files.*."""

from __future__ import annotations

from typing import Any

from sandbox import names
from sandbox.errors import SlackRefusal
from sandbox.files.store import File
from sandbox.methods.lookups import channel_of
from sandbox.methods.web_api import Api, method
from sandbox.workspace import Channel

Json = dict[str, Any]


@method("files.info", "files:read")
def info(api: Api, arguments: Json) -> Json:
    file = api.files.files.get(str(arguments.get("file")))
    if file is None or not _visible(api, file) or file.age < api.workspace.faults.unknown_for:
        raise SlackRefusal("file_not_found")
    if file.deleted:
        raise SlackRefusal("file_deleted")
    return {"file": api.files.in_info(file), "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.getUploadURLExternal", "files:write")
def get_upload_url(api: Api, arguments: Json) -> Json:
    name = arguments.get("filename")
    try:
        length = int(arguments.get("length") or 0)
    except (TypeError, ValueError):
        length = 0
    alt = arguments.get("alt_txt") or ""
    if not isinstance(name, str) or not name or length <= 0 or not isinstance(alt, str):
        raise SlackRefusal("invalid_arguments")
    file_id = api.workspace.ids.new("F")
    secret = api.uploads.promise(file_id, name, length, alt)
    return {"upload_url": f"{api.origin}/upload/v1/{api.workspace.team}/{secret}", "file_id": file_id}


@method("files.completeUploadExternal", "files:write")
def complete_upload(api: Api, arguments: Json) -> Json:
    wanted = arguments.get("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackRefusal("invalid_arguments")
    files = [_completed(api, item) for item in wanted]
    if arguments.get("channel_id"):
        channel = channel_of(api, {"channel": arguments["channel_id"]})
        message: Json = {"user": names.BOT, "bot_id": names.BOT_ID, "text": arguments.get("initial_comment") or ""}
        if arguments.get("thread_ts"):
            message["thread_ts"] = arguments["thread_ts"]
        message |= {"subtype": "file_share", "_files": [file.id for file in files]}
        posted = api.workspace.post(channel, message, lambda ts: _share(api, files, channel, ts))
        api.events.posted(channel, posted)
    return {"files": [api.files.full(file) for file in files]}


@method("files.delete", "files:write")
def delete(api: Api, arguments: Json) -> Json:
    file = api.files.files.get(str(arguments.get("file")))
    if file is None:
        raise SlackRefusal("file_not_found")
    if file.user != names.BOT:
        raise SlackRefusal("cant_delete_file")
    file.deleted = True
    return {}


def _completed(api: Api, item: Any) -> File:
    promise = api.uploads.complete(str(item.get("id")) if isinstance(item, dict) else "")
    file = api.files.add(promise.name, promise.content or b"", names.BOT)
    del api.files.files[file.id]
    file.id = promise.id
    file.title = str(item.get("title") or promise.name)
    file.alt = promise.alt
    api.files.files[file.id] = file
    return file


def _share(api: Api, files: list[File], channel: Channel, ts: str) -> None:
    for file in files:
        api.files.share(file, channel, ts)


def _visible(api: Api, file: File) -> bool:
    """The bot sees files of the places that it is in, its own, and what was given to its modals."""
    shared = any(api.workspace.channels[channel].bot for channel in file.shares)
    return shared or file.given or file.user == names.BOT
