"""What people see: one method per address under `/sandbox/`, for the driver and the page alike."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox import names
from sandbox.server import Server

Json = dict[str, Any]

LONGEST_WAIT_SECONDS = 30.0


class Sights:
    """Each method takes the query and returns JSON."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._workspace = server.workspace

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
            "team": workspace.team,
            "bot": names.BOT,
            "app": workspace.app.to_json(),
            "users": list(workspace.users.values()),
            "channels": [channel.to_json() for channel in workspace.channels.values()],
            **workspace.fault_state(),
        }

    async def changes(self, request: web.Request) -> web.Response:
        """Wait until something changed since a revision, or until the timeout; returns the revision."""
        since = int(request.query.get("since", "-1"))
        timeout = min(float(request.query.get("timeout", "1")), LONGEST_WAIT_SECONDS)
        return web.json_response({"revision": await self._workspace.wait_changed(since, timeout)})
