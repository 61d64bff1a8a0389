"""All workspaces of one Slack: which of them a request is meant for, and the pages on which the app is installed."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox import names
from sandbox.errors import PersonRefusal, SlackRefusal
from sandbox.methods.web_api import arguments_of, token_of
from sandbox.server import Server
from sandbox.workspace import Workspace

Json = dict[str, Any]
Handler = Callable[[Server, web.Request], Awaitable[web.StreamResponse]]

TEAM_HEADER = "X-Sandbox-Team"
"""Names the workspace that a person's request is meant for; the first without."""
NAMING = ("channel", "user_id", "user", "users", "file", "view_id", "channel_id")
"""Arguments by which a call with an organisation's token names what lies in one of its workspaces."""


class Slack:
    """The workspaces, by their ids; the first is there from the start, and has the app installed by hand."""

    def __init__(self, first: Server) -> None:
        self._first = first
        self.servers = {first.workspace.team: first}
        first.names |= {first.workspace.team: first.workspace.name}

    def add(self, body: Json) -> Json:
        """Add a workspace, or let its organisation's app into it no more."""
        team, enterprise = str(body["team"]), str(body.get("enterprise") or "")
        grants = self._first.workspace.grants
        (grants.withheld.add if body.get("withheld") else grants.withheld.discard)(team)
        if team not in self.servers:
            workspace = Workspace(
                self._first.workspace.app,
                grants,
                team=team,
                name=str(body.get("name") or team),
                enterprise_id=enterprise,
                ending=str(body.get("ending") or ""),
            )
            self._first.names[team] = workspace.name
            self.servers[team] = Server(workspace, self._first.origin, self._first)
        return {"team": team}

    def of_person(self, request: web.Request) -> Server:
        """Return the workspace that a person's request names; raises `PersonRefusal`."""
        team = request.headers.get(TEAM_HEADER) or request.query.get("team") or self._first.workspace.team
        if team not in self.servers:
            raise PersonRefusal(f"no workspace {team!r}")
        return self.servers[team]

    async def of_call(self, request: web.Request) -> Server:
        """Return the workspace that a call of the Web API is meant for."""
        try:
            arguments = await arguments_of(request)
            grant = self._first.workspace.grants.of(token_of(request, arguments))
        except SlackRefusal:
            return self._first  # which refuses it
        if grant.team:
            return self.servers.get(grant.team, self._first)
        ours = [each for each in self.servers.values() if each.workspace.enterprise_id == grant.enterprise]
        named = {str(arguments[name]) for name in NAMING if arguments.get(name)}
        return next((each for each in ours if each.knows(named)), ours[0] if ours else self._first)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Slack's own addresses."""

        def by_call(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
            async def handle(request: web.Request) -> web.StreamResponse:
                return await handler(await self.of_call(request), request)

            return handle

        def by_team(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
            async def handle(request: web.Request) -> web.StreamResponse:
                team = request.match_info["team"]
                if team not in self.servers:
                    raise web.HTTPNotFound
                return await handler(self.servers[team], request)

            return handle

        return [
            web.post("/api/{method}", by_call(Server.call)),
            web.get("/api/{method}", by_call(Server.call)),
            web.get("/socket", self._first.sockets.accept),
            web.post("/response/{team}/{secret}", by_team(Server.response_url)),
            web.post("/upload/v1/{team}/{secret}", by_team(Server.upload)),
            web.get("/files-pri/{team}-{file}/{tail:.*}", by_team(Server.download)),
            web.get("/files-else/{team}-{file}/{tail:.*}", by_team(Server.download_elsewhere)),
            web.get("/oauth/v2/authorize", self._authorize),
        ]

    async def _authorize(self, request: web.Request) -> web.Response:
        """The page on which somebody lets the app into a workspace (`team`) or an organisation (`enterprise`), or does
        not (`deny`); each choice leads back to the app."""
        query = request.query
        workspace = self._first.workspace
        if query.get("client_id") != names.CLIENT_ID:
            return web.Response(status=400, text="Invalid client_id parameter")
        unknown = set(query.get("scope", "").split(",")) - {""} - set(workspace.app.scopes) - set(names.OPTIONAL_SCOPES)
        if unknown:
            return web.Response(status=400, text=f"Invalid permissions requested: {', '.join(sorted(unknown))}")
        back = query.get("redirect_uri") or workspace.app.redirect_url
        if not back or back != workspace.app.redirect_url:
            return web.Response(status=400, text="redirect_uri did not match any configured URIs")
        state = query.get("state", "")
        if query.get("deny"):
            raise web.HTTPFound(f"{back}?{urlencode({'error': 'access_denied', 'state': state})}")
        team, enterprise = query.get("team", ""), query.get("enterprise", "")
        if team in self.servers or (enterprise and not team):
            enterprise = self.servers[team].workspace.enterprise_id if team else enterprise
            code = workspace.grants.code(team, enterprise, query.get("redirect_uri", ""))
            raise web.HTTPFound(f"{back}?{urlencode({'code': code, 'state': state})}")
        choices = [(server.workspace.name, {"team": team}) for team, server in self.servers.items()]
        choices.append(("Cancel", {"deny": "1"}))
        links = "".join(
            f'<li><a href="?{html.escape(urlencode({**query, **chosen}))}">{html.escape(name)}</a></li>'
            for name, chosen in choices
        )
        return web.Response(text=f"<h1>Install {workspace.app.name} in</h1><ul>{links}</ul>", content_type="text/html")
