"""The server: Slack's addresses, the people's, the files', and the page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox import methods
from sandbox.delivery.dispatch import Delivery
from sandbox.delivery.events import Events
from sandbox.delivery.http import HttpDelivery
from sandbox.delivery.response_urls import ResponseUrls
from sandbox.delivery.sockets import Sockets
from sandbox.errors import SlackRefusal
from sandbox.files.downloads import Downloads
from sandbox.files.store import Files
from sandbox.files.uploads import PendingUploads
from sandbox.interactivity.inputs import Inputs
from sandbox.interactivity.interactions import Interactions
from sandbox.interactivity.modals import Triggers, Views
from sandbox.methods.web_api import METHODS, Api, WebApi
from sandbox.workspace import Workspace

Json = dict[str, Any]

LARGEST_BODY_BYTES = 1 << 30
"""Slack takes files of up to a gigabyte."""

__all__ = ["METHODS", "Server", "methods"]


class Server:
    """A workspace with everything that serves it. first: that whose connections to the app, and names of workspaces, it
    shares; none where it is the first itself."""

    def __init__(self, workspace: Workspace, origin: str, first: Server | None = None) -> None:
        self.workspace = workspace
        self.origin = origin
        self.names: dict[str, str] = first.names if first else {}
        self.files = Files(workspace, origin)
        self.sockets: Sockets = first.sockets if first else Sockets(workspace)
        self.http: HttpDelivery = first.http if first else HttpDelivery()
        self.delivery = Delivery(workspace, self.sockets, self.http)
        self.events = Events(workspace, self.delivery, self.files)
        self.response_urls = ResponseUrls(workspace, origin)
        self.views = Views(workspace, Triggers(workspace))
        self.uploads = PendingUploads()
        inputs = Inputs(workspace, self.files)
        self.interactions = Interactions(workspace, self.delivery, self.response_urls, self.views, inputs, self.files)
        self.downloads = Downloads(workspace, self.files)
        api = Api(workspace, self.files, self.views, self.sockets, self.events, self.uploads, origin, self.name_of)
        self._api = WebApi(api)

    def name_of(self, team: str) -> str:
        """The name of a workspace."""
        return self.names.get(team, team)

    def knows(self, named: set[str]) -> bool:
        """Whether one of these ids is of a person, a place, a file or a view of this workspace."""
        workspace = self.workspace
        views = {view["id"] for stack in workspace.views.values() for view in stack}
        return bool(named & {*workspace.users, *workspace.channels, *self.files.files, *views})

    def application(self, routes: Iterable[web.AbstractRouteDef]) -> web.Application:
        """Return the aiohttp application on its routes."""
        application = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[_own_pages_only])
        application.add_routes(routes)
        application.on_response_prepare.append(_always_current)
        application.on_shutdown.append(self._stop)
        return application

    async def _stop(self, _: web.Application) -> None:
        self.workspace.changed("stop", {})
        await asyncio.gather(self.sockets.close(), self.http.close())

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer a call of the Web API."""
        return await self._api.handle(request)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Answer a download."""
        return await self.downloads.private(request)

    async def download_elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Answer a download on another host."""
        return await self.downloads.elsewhere(request)

    async def response_url(self, request: web.Request) -> web.Response:
        """Take what the app posts to a response_url."""
        body = await _json(request)
        error, answer = "", None
        try:
            self.response_urls.post(request.match_info["secret"], body)
            return web.Response(text="ok")
        except SlackRefusal as refusal:
            error, answer = refusal.error, {"ok": False, "error": refusal.error, **refusal.more}
            return web.json_response(answer, status=refusal.status)
        finally:
            self.workspace.traffic.add("response_url", "post", request=body, error=error, answer=answer)

    async def upload(self, request: web.Request) -> web.Response:
        """Take the bytes of a file that the app announced."""
        try:
            self.uploads.receive(request.match_info["secret"], await _bytes(request))
        except SlackRefusal as refusal:
            return web.Response(status=refusal.status, text=refusal.error)
        return web.Response(text="OK")


async def _json(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError:
        body = {}
    return body if isinstance(body, dict) else {}


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for part in (await request.post()).values():
        if isinstance(part, web.FileField):
            return part.file.read()
    return b""


async def _always_current(request: web.Request, answer: web.StreamResponse) -> None:
    """Let browsers ask whether the page's parts have changed: a developer's edit shows at the next load."""
    if request.path.startswith("/static/"):
        answer.headers["Cache-Control"] = "no-cache"


@web.middleware
async def _own_pages_only(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuse what a page of another site sends: the sandbox has no passwords, and browsers reach this machine."""
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="Only the sandbox's own page may ask this.")
    answer: web.StreamResponse = await handler(request)
    return answer
