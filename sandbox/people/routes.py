"""`/sandbox/…`: the addresses of what people do and see, and of the switches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.errors import PersonRefusal, reason
from sandbox.people.actions import Acts
from sandbox.people.controls import Controls
from sandbox.people.views import Sights
from sandbox.server import Server

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(server: Server) -> list[web.RouteDef]:
    """All addresses of people, on one server."""
    acts, sights, controls = Acts(server), Sights(server), Controls(server)
    posts = {
        "command": acts.command,
        "action": acts.action,
        "options": acts.options,
        "submit": acts.submit,
        "close": acts.close,
        "shortcut": acts.shortcut,
        "home": acts.open_home,
        "edit": acts.edit,
        "delete": acts.delete,
        "react": acts.react,
        "event": acts.event,
        "faults": controls.faults,
        "fail": controls.fail,
        "clear_faults": controls.clear_faults,
        "app": controls.app,
        "users": controls.users,
        "channels": controls.channels,
        "drop_sockets": controls.drop_sockets,
        "expire_response_urls": controls.expire_response_urls,
        "reset": controls.reset,
    }
    gets = {
        "messages": sights.messages,
        "ephemerals": sights.ephemerals,
        "views": sights.views,
        "home": sights.home,
        "file": sights.file,
        "traffic": sights.traffic,
        "state": sights.state,
    }
    return [
        *(web.post(f"/sandbox/{name}", _posted(act)) for name, act in posts.items()),
        *(web.get(f"/sandbox/{name}", _got(look)) for name, look in gets.items()),
        web.post("/sandbox/say", acts.say),
        web.post("/sandbox/files", acts.add_files),
        web.get("/sandbox/changes", sights.changes),
    ]


def _posted(act: Callable[[Json], Awaitable[Json]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            body = await request.json()
            if not isinstance(body, dict):
                raise PersonRefusal("a JSON object is needed")
            return web.json_response(await act(body))
        except (PersonRefusal, KeyError, ValueError, TypeError) as error:
            return web.Response(status=400, text=reason(error))

    return handle


def _got(look: Callable[[Json], Awaitable[Json]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await look(dict(request.query)))
        except (PersonRefusal, KeyError, ValueError) as error:
            return web.Response(status=400, text=reason(error))

    return handle
