"""The Web API: tokens, scopes, faults and arguments of every method; the methods are in `sandbox.methods`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BasicAuth, web

from sandbox import names
from sandbox.delivery.events import Events
from sandbox.delivery.sockets import Sockets
from sandbox.errors import SlackRefusal
from sandbox.faults import CLOSED, CUT
from sandbox.files.store import Files
from sandbox.files.uploads import PendingUploads
from sandbox.grants import Grants
from sandbox.interactivity.modals import Views
from sandbox.workspace import Workspace

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """What the methods work on."""

    workspace: Workspace
    files: Files
    views: Views
    sockets: Sockets
    events: Events
    uploads: PendingUploads
    origin: str
    name_of: Callable[[str], str]

    @property
    def grants(self) -> Grants:
        return self.workspace.grants


Handler = Callable[[Api, Json], Json | Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it needs and what it does. scope: the scope that it needs, empty for none; token: whose kind it
    needs, empty for none."""

    handler: Handler
    scope: str = ""
    token: str = names.BOT_TOKEN


METHODS: dict[str, Method] = {}


def method(name: str, scope: str = "", token: str = names.BOT_TOKEN) -> Callable[[Handler], Handler]:
    """Register a function as a Web API method."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(handler, scope, token)
        return handler

    return register


class WebApi:
    """Answers `/api/METHOD`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call; every refusal is in the traffic."""
        name = request.match_info["method"]
        workspace = self._api.workspace
        started = time.perf_counter()
        arguments: Json = {}
        entry: Json | None = None
        broken = ""
        try:
            arguments = await arguments_of(request)
            entry = workspace.traffic.add("api", name, request=arguments)
            if workspace.faults.api_delay:
                await asyncio.sleep(workspace.faults.api_delay)
            broken = workspace.failures.raise_for(name)
            data = {} if broken == CLOSED else await self._call(name, arguments, request)
            body, status, headers, error = {"ok": True, **data}, 200, {}, broken
        except SlackRefusal as refusal:
            body = {"ok": False, "error": refusal.error, **refusal.more}
            status, headers, error = refusal.status, refusal.headers, refusal.error
        entry = entry or workspace.traffic.add("api", name, request=arguments)
        workspace.traffic.finish(entry, ms=(time.perf_counter() - started) * 1000, error=error, answer=body)
        scopes = ",".join(workspace.app.scopes)
        answer = web.json_response(body, status=status, headers={"X-OAuth-Scopes": scopes, **headers})
        return await _broken_off(request, answer, broken) if broken else answer

    async def _call(self, name: str, arguments: Json, request: web.Request) -> Json:
        workspace = self._api.workspace
        known = METHODS.get(name)
        if known is None:
            raise SlackRefusal("unknown_method", req_method=name)
        if known.token:
            self._check_token(known, token_of(request, arguments))
        if known.scope and known.scope not in workspace.app.scopes:
            raise SlackRefusal("missing_scope", needed=known.scope, provided=",".join(workspace.app.scopes))
        if known.token:
            arguments.pop("token", None)
        answer = known.handler(self._api, arguments)
        return await answer if isinstance(answer, Awaitable) else answer

    def _check_token(self, known: Method, token: str) -> None:
        if not token:
            raise SlackRefusal("not_authed")
        if token != names.APP_TOKEN:
            self._api.grants.of(token)
            if not self._api.workspace.opened_by(token):
                raise SlackRefusal("team_access_not_granted")
        if (token == names.APP_TOKEN) != (known.token == names.APP_TOKEN):
            raise SlackRefusal("not_allowed_token_type")


async def _broken_off(request: web.Request, answer: web.Response, broken: str) -> web.StreamResponse:
    """End the connection in place of an answer, or half way through it."""
    begun = web.StreamResponse(status=answer.status, headers=answer.headers)
    if broken == CUT and isinstance(answer.body, bytes):
        begun.content_length = len(answer.body)
        await begun.prepare(request)
        await begun.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return begun


async def arguments_of(request: web.Request) -> Json:
    """The arguments of a call, out of the query and of a JSON or form body; raises `SlackRefusal`."""
    arguments: Json = dict(request.query)
    header = request.headers.get("Authorization", "")
    if header.startswith("Basic "):
        try:
            client = BasicAuth.decode(header)
        except ValueError as error:
            raise SlackRefusal("invalid_auth") from error
        arguments |= {"client_id": client.login, "client_secret": client.password}
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError as error:
            raise SlackRefusal("invalid_json") from error
        if not isinstance(body, dict):
            raise SlackRefusal("json_not_object")
        arguments |= body
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        arguments |= {key: _decoded(key, value) for key, value in (await request.post()).items()}
    return {key: _decoded(key, value) for key, value in arguments.items()}


_STRUCTURED = frozenset({"blocks", "attachments", "view", "files", "metadata"})
_FLAGS = frozenset({"unfurl_links", "unfurl_media", "reply_broadcast", "inclusive", "mrkdwn", "include_all_metadata"})


def _decoded(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if key in _FLAGS:
        return value.lower() in ("true", "1")
    if key in _STRUCTURED and value:
        try:
            return json.loads(value)
        except ValueError as error:
            code = {"blocks": "invalid_blocks_format"}.get(key, "invalid_arguments")
            raise SlackRefusal(code) from error
    return value


def token_of(request: web.Request, arguments: Json) -> str:
    """The token of a call, by its header or its arguments."""
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() or str(arguments.get("token") or "")
