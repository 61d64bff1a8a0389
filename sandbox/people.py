"""`/sandbox/…`: what people do and see, for the driver and the page alike."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox import names
from sandbox.errors import PersonRefusal
from sandbox.server import Server
from sandbox.workspace import Channel

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LONGEST_WAIT_SECONDS = 30.0
MOST_FILES = 10


def routes(server: Server) -> list[web.RouteDef]:
    """All addresses of people, on one server."""
    people = People(server)
    posts = {
        "command": people.command,
        "action": people.action,
        "options": people.options,
        "submit": people.submit,
        "close": people.close,
        "shortcut": people.shortcut,
        "home": people.open_home,
        "edit": people.edit,
        "delete": people.delete,
        "react": people.react,
        "event": people.event,
        "faults": people.faults,
        "fail": people.fail,
        "clear_faults": people.clear_faults,
        "app": people.app,
        "users": people.users,
        "channels": people.channels,
        "drop_sockets": people.drop_sockets,
        "expire_response_urls": people.expire_response_urls,
        "reset": people.reset,
    }
    gets = {
        "messages": people.messages,
        "ephemerals": people.ephemerals,
        "views": people.views,
        "home": people.home,
        "file": people.file,
        "traffic": people.traffic,
        "state": people.state,
    }
    return [
        *(web.post(f"/sandbox/{name}", _posted(act)) for name, act in posts.items()),
        *(web.get(f"/sandbox/{name}", _got(look)) for name, look in gets.items()),
        web.post("/sandbox/say", people.say),
        web.post("/sandbox/files", people.add_files),
        web.get("/sandbox/changes", people.changes),
    ]


class People:
    """One method per address; each takes the JSON that was posted, or the query, and gives JSON."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._workspace = server.workspace

    # What people do

    async def command(self, body: Json) -> Json:
        channel, user = self._where(body)
        return await self._server.interactions.command(str(body["command"]), str(body["text"]), channel, user)

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
            return web.Response(status=400, text=_reason(error))

    async def add_files(self, request: web.Request) -> web.Response:
        """Take files for a `file_input`; gives their ids."""
        form = await request.post()
        try:
            body = json.loads(str(form.get("payload") or "{}"))
            return web.json_response({"files": self._received(form.getall("file", []), self._who(body))})
        except (PersonRefusal, ValueError) as error:
            return web.Response(status=400, text=_reason(error))

    async def edit(self, body: Json) -> Json:
        channel = self._workspace.place(body["channel"])
        message = channel.messages[body["ts"]]
        before = dict(self._server.files.shown(message))
        message |= {"text": str(body["text"]), "edited": {"user": message["user"], "ts": self._workspace.clock.ts()}}
        self._workspace.update(message)
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
        message = self._workspace.place(body["channel"]).messages[body["ts"]]
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
        return {}

    async def event(self, body: Json) -> Json:
        wrapped = self._server.events.wrapped(body["event"])
        for _ in range(2 if body.get("twice") else 1):
            self._server.delivery.event(str(body["event"].get("type")), wrapped)
        return {"event_id": wrapped["event_id"]}

    # The workspace and its faults

    async def faults(self, body: Json) -> Json:
        self._workspace.faults.switch(body)
        self._workspace.changed("faults", {})
        return self._fault_state()

    async def fail(self, body: Json) -> Json:
        failure = (body["method"], body["error"], body.get("times"), int(body.get("retry_after") or 1))
        self._workspace.failures.plan(*failure)
        self._workspace.changed("faults", {})
        return self._fault_state()

    async def clear_faults(self, body: Json) -> Json:
        self._workspace.clear_faults()
        return self._fault_state()

    async def app(self, body: Json) -> Json:
        if body.get("request_url"):
            await self._server.http.verify(body["request_url"])
        self._workspace.app.change(body)
        self._workspace.changed("places", {})
        return {"app": self._workspace.app.to_json()}

    async def users(self, body: Json) -> Json:
        return self._workspace.add_user(str(body["user"]), str(body["name"]))

    async def channels(self, body: Json) -> Json:
        return self._workspace.add_channel(body["channel"], body["name"], bot=bool(body["bot"])).to_json()

    async def drop_sockets(self, body: Json) -> Json:
        return {"dropped": self._server.sockets.cut()}

    async def expire_response_urls(self, body: Json) -> Json:
        self._server.response_urls.expire()
        return {}

    async def reset(self, body: Json) -> Json:
        self._server.files.files.clear()
        self._workspace.empty()
        return {}

    # What people see

    async def messages(self, query: Json) -> Json:
        channel = self._workspace.place(query.get("channel"))
        thread, after = query.get("thread_ts"), query.get("after", "")
        found = self._workspace.thread(channel, thread) if thread else channel.messages.values()
        return {"messages": [self._server.files.shown(m) for m in found if m["ts"] > after]}

    async def ephemerals(self, query: Json) -> Json:
        user, channel = query.get("user"), query.get("channel")
        seen = [m for m in self._workspace.ephemerals if m["_user"] == user and channel in ("", None, m["channel"])]
        return {"messages": [{**self._server.files.shown(m), "_user": user} for m in seen]}

    async def views(self, query: Json) -> Json:
        return {"views": self._workspace.views.get(str(query.get("user")), [])}

    async def home(self, query: Json) -> Json:
        return {"view": self._workspace.homes.get(str(query.get("user")))}

    async def file(self, query: Json) -> Json:
        file = self._server.files.files[str(query.get("file"))]
        return {"file": self._server.files.full(file)}

    async def traffic(self, query: Json) -> Json:
        since = int(query.get("since") or 0)
        entries = self._workspace.traffic.entries(since, query.get("kind", ""), query.get("name", ""))
        return {"traffic": entries}

    async def state(self, query: Json) -> Json:
        workspace = self._workspace
        return {
            "revision": workspace.revision,
            "sockets": len(self._server.sockets),
            "quiet_seconds": workspace.traffic.quiet_seconds,
            "team": names.TEAM,
            "bot": names.BOT,
            "app": workspace.app.to_json(),
            "users": list(workspace.users.values()),
            "channels": [channel.to_json() for channel in workspace.channels.values()],
            **self._fault_state(),
        }

    async def changes(self, request: web.Request) -> web.Response:
        """Wait until something changed since a revision, or until the timeout; gives the revision."""
        since = int(request.query.get("since", "-1"))
        timeout = min(float(request.query.get("timeout", "1")), LONGEST_WAIT_SECONDS)
        return web.json_response({"revision": await self._workspace.wait_changed(since, timeout)})

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
        if not text and not files:
            raise PersonRefusal("a message needs text or a file")
        message: Json = {"user": user, "text": text, "client_msg_id": self._workspace.ids.new("M")}
        if files:
            message |= {"subtype": "file_share", "upload": False, "display_as_bot": False, "_files": files}
        if body.get("thread_ts"):
            parent = channel.messages[body["thread_ts"]]
            message |= {"thread_ts": parent["ts"], "parent_user_id": parent["user"]}
        posted = self._workspace.post(channel, message, lambda ts: self._share(files, channel, ts))
        self._server.events.posted(channel, posted)
        return self._server.files.shown(posted)

    def _share(self, files: list[str], channel: Channel, ts: str) -> None:
        for file_id in files:
            self._server.files.share(self._server.files.files[file_id], channel, ts)

    def _fault_state(self) -> Json:
        faults = self._workspace.faults.to_json()
        return {"faults": faults, "failures": self._workspace.failures.to_json()}


def _posted(act: Callable[[Json], Awaitable[Json]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = await request.json()
            if not isinstance(body, dict):
                raise PersonRefusal("a JSON object is needed")
            return web.json_response(await act(body))
        except (PersonRefusal, KeyError, ValueError, TypeError) as error:
            return web.Response(status=400, text=_reason(error))

    return handle


def _got(look: Callable[[Json], Awaitable[Json]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await look(dict(request.query)))
        except (PersonRefusal, KeyError, ValueError) as error:
            return web.Response(status=400, text=_reason(error))

    return handle


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, PersonRefusal) else f"{type(error).__name__}: {error}"
