"""What people do: one method per address under `/sandbox/`, for the driver and the page alike."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from sandbox.errors import PersonRefusal, reason
from sandbox.server import Server
from sandbox.workspace import Channel

Json = dict[str, Any]

MOST_FILES = 10
"""Files that Slack takes in one message."""


class Acts:
    """Each method takes the JSON that was posted and returns JSON, but for those that take files."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._workspace = server.workspace

    async def command(self, body: Json) -> Json:
        channel, user = self._where(body)
        thread = str(body.get("thread_ts") or "")
        return await self._server.interactions.command(str(body["command"]), str(body["text"]), channel, user, thread)

    async def action(self, body: Json) -> Json:
        user = self._who(body)
        return await self._server.interactions.action(body["container"], user, body, body.get("values") or {})

    async def options(self, body: Json) -> Json:
        where = (body["block_id"], body["action_id"], str(body["value"]))
        return await self._server.interactions.options(body["container"], self._who(body), *where)

    async def submit(self, body: Json) -> Json:
        return await self._server.interactions.submit(body["view_id"], self._who(body), body.get("values") or {})

    async def close(self, body: Json) -> Json:
        return await self._server.interactions.close(body["view_id"], self._who(body))

    async def shortcut(self, body: Json) -> Json:
        message = None
        if body.get("ts"):
            message = self._workspace.find_message(body["channel"], body["ts"])
            if message is None:
                raise PersonRefusal(f"no message {body['ts']} there")
        return await self._server.interactions.shortcut(body["callback_id"], self._who(body), message)

    async def open_home(self, body: Json) -> Json:
        self._server.events.home_opened(self._who(body), str(body.get("tab", "home")))
        return {}

    async def say(self, request: web.Request) -> web.Response:
        """Post a message; a multipart form with `payload` and any number of `file`."""
        form = await request.post()
        try:
            body = json.loads(str(form.get("payload") or "{}"))
            files = self._received(form.getall("file", []), self._who(body), voice=bool(body.get("voice")))
            for remote in body.get("remote") or []:
                files.append(self._server.files.add_remote(remote["name"], remote["url"], self._who(body)).id)
            return web.json_response({"message": self._said(body, files)})
        except (PersonRefusal, ValueError, KeyError, TypeError) as error:
            return web.Response(status=400, text=reason(error))

    async def add_files(self, request: web.Request) -> web.Response:
        """Take files for a `file_input`; returns their ids."""
        form = await request.post()
        try:
            body = json.loads(str(form.get("payload") or "{}"))
            return web.json_response({"files": self._received(form.getall("file", []), self._who(body))})
        except (PersonRefusal, ValueError) as error:
            return web.Response(status=400, text=reason(error))

    async def edit(self, body: Json) -> Json:
        channel = self._workspace.place(body["channel"])
        message = channel.messages[body["ts"]]
        before = dict(self._server.files.shown(message))
        message |= {"text": str(body["text"]), "edited": {"user": message["user"], "ts": self._workspace.clock.ts()}}
        self._workspace.update(message)
        self._server.events.edited(channel, self._server.files.shown(message))
        self._server.events.changed(channel, self._server.files.shown(message), before)
        return {"message": self._server.files.shown(message)}

    async def delete(self, body: Json) -> Json:
        if body.get("file"):
            self._server.files.files[body["file"]].deleted = True
            self._workspace.changed("places", {})
            return {}
        channel = self._workspace.place(body["channel"])
        hidden = self._workspace.find_message(channel.id, body["ts"])
        if hidden is not None and hidden.get("is_ephemeral"):
            self._workspace.remove_ephemeral(hidden)
            return {}
        message = self._workspace.remove(channel, body["ts"])
        for file_id in message.get("_files", []):
            self._server.files.files[file_id].deleted = True
        self._server.events.deleted(channel, self._server.files.shown(message))
        return {}

    async def react(self, body: Json) -> Json:
        channel = self._workspace.place(body["channel"])
        message = channel.messages[body["ts"]]
        user, name = self._who(body), str(body["name"])
        reactions = message.setdefault("reactions", [])
        reaction = next((r for r in reactions if r["name"] == name), None)
        if reaction is None:
            reaction = {"name": name, "users": [], "count": 0}
            reactions.append(reaction)
        reaction["users"] = sorted({user} ^ set(reaction["users"]))
        reaction["count"] = len(reaction["users"])
        message["reactions"] = [r for r in reactions if r["count"]]
        self._workspace.update(message)
        if user in reaction["users"]:
            self._server.events.reacted(channel, message, user, name)
        return {}

    async def event(self, body: Json) -> Json:
        wrapped = self._server.events.wrapped(body["event"])
        for _ in range(2 if body.get("twice") else 1):
            self._server.delivery.event(str(body["event"].get("type")), wrapped)
        return {"event_id": wrapped["event_id"]}

    # Inside

    def _who(self, body: Json) -> str:
        return str(self._workspace.person(body.get("user"))["id"])

    def _where(self, body: Json) -> tuple[Channel, str]:
        user = self._who(body)
        channel = self._workspace.place(body.get("channel"))
        if channel.is_im and channel.person != user:
            raise PersonRefusal(f"{channel.id} is not {user}'s direct message")
        return channel, user

    def _received(self, parts: list[Any], user: str, *, voice: bool = False) -> list[str]:
        sent = [part for part in parts if isinstance(part, web.FileField)]
        if len(sent) > MOST_FILES:
            raise PersonRefusal("Slack takes ten files a message")
        return [
            self._server.files.add(part.filename, part.file.read(), user, mimetype=part.content_type, voice=voice).id
            for part in sent
        ]

    def _said(self, body: Json, files: list[str]) -> Json:
        channel, user = self._where(body)
        text = str(body.get("text") or "")
        if not text and not files and not body.get("forward"):
            raise PersonRefusal("a message needs text or a file")
        message: Json = {"user": user, "text": text, "client_msg_id": self._workspace.ids.new("M")}
        team = self._workspace.team_of(user)
        if team != self._workspace.team:
            message |= {"team": team, "user_team": team, "source_team": team}
        if files:
            message |= {"subtype": "file_share", "upload": False, "display_as_bot": False, "_files": files}
        if body.get("thread_ts"):
            parent = channel.messages[body["thread_ts"]]
            message |= {"thread_ts": parent["ts"], "parent_user_id": parent["user"]}
        message |= {key: body[key] for key in ("blocks", "attachments") if body.get(key)}
        if body.get("forward"):
            message["attachments"] = [self._forwarded(body["forward"])]
        posted = self._workspace.post(channel, message, lambda ts: self._share(files, channel, ts))
        self._server.events.posted(channel, posted)
        return self._server.files.shown(posted)

    def _forwarded(self, original: Json) -> Json:
        """The attachment by which Slack shows a message elsewhere, with its files."""
        shown = self._server.files.shown(self._workspace.place(original["channel"]).messages[original["ts"]])
        link = f"{self._server.origin}/archives/{original['channel']}/p{original['ts'].replace('.', '')}"
        attachment = {
            "ts": original["ts"],
            "channel_id": original["channel"],
            "author_id": shown["user"],
            "from_url": link,
            "is_share": True,
            "text": shown.get("text", ""),
            "fallback": shown.get("text", ""),
        }
        return attachment | {key: shown[key] for key in ("files",) if key in shown}

    def _share(self, files: list[str], channel: Channel, ts: str) -> None:
        for file_id in files:
            self._server.files.share(self._server.files.files[file_id], channel, ts)
