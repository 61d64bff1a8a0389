"""`/sandbox/…`: the addresses of what people do and see, and of the switches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web

from sandbox.errors import PersonRefusal, reason
from sandbox.people.actions import Acts
from sandbox.people.controls import Controls
from sandbox.people.views import Sights
from sandbox.server import Server
from sandbox.slack import Slack

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Side = TypeVar("Side", Acts, Controls, Sights)

ACTS = {
    "command": Acts.command,
    "action": Acts.action,
    "options": Acts.options,
    "submit": Acts.submit,
    "close": Acts.close,
    "shortcut": Acts.shortcut,
    "home": Acts.open_home,
    "edit": Acts.edit,
    "delete": Acts.delete,
    "react": Acts.react,
    "event": Acts.event,
}
CONTROLS = {
    "faults": Controls.faults,
    "fail": Controls.fail,
    "clear_faults": Controls.clear_faults,
    "app": Controls.app,
    "users": Controls.users,
    "channels": Controls.channels,
    "drop_sockets": Controls.drop_sockets,
    "expire_response_urls": Controls.expire_response_urls,
    "reset": Controls.reset,
    "uninstall": Controls.uninstall,
    "expire_tokens": Controls.expire_tokens,
}
SIGHTS = {
    "messages": Sights.messages,
    "ephemerals": Sights.ephemerals,
    "views": Sights.views,
    "home": Sights.home,
    "file": Sights.file,
    "traffic": Sights.traffic,
    "state": Sights.state,
}


def routes(slack: Slack) -> list[web.RouteDef]:
    """All addresses of people, each in the workspace that its request names."""

    def at(work: Callable[[Server, web.Request], Awaitable[web.StreamResponse]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await work(slack.of_person(request), request)
            except (PersonRefusal, KeyError, ValueError, TypeError) as error:
                return web.Response(status=400, text=reason(error))

        return handle

    def posted(side: type[Side], act: Callable[[Side, Json], Coroutine[Any, Any, Json]]) -> Handler:
        return at(lambda server, request: _posted(side(server), act, request))

    async def add(_: Server, request: web.Request) -> web.Response:
        return web.json_response(slack.add(await request.json()))

    async def look(server: Server, request: web.Request, sight: Any) -> web.Response:
        return web.json_response(await sight(Sights(server), dict(request.query)))

    def got(sight: Any) -> Handler:
        return at(lambda server, request: look(server, request, sight))

    return [
        *(web.post(f"/sandbox/{name}", posted(Acts, act)) for name, act in ACTS.items()),
        *(web.post(f"/sandbox/{name}", posted(Controls, act)) for name, act in CONTROLS.items()),
        *(web.get(f"/sandbox/{name}", got(sight)) for name, sight in SIGHTS.items()),
        web.post("/sandbox/workspaces", at(add)),
        web.post("/sandbox/say", at(lambda server, request: Acts(server).say(request))),
        web.post("/sandbox/files", at(lambda server, request: Acts(server).add_files(request))),
        web.get("/sandbox/changes", at(lambda server, request: Sights(server).changes(request))),
    ]


async def _posted(
    side: Side, act: Callable[[Side, Json], Coroutine[Any, Any, Json]], request: web.Request
) -> web.Response:
    body = await request.json()
    if not isinstance(body, dict):
        raise PersonRefusal("a JSON object is needed")
    return web.json_response(await act(side, body))
