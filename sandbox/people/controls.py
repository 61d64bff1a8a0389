"""The workspace and its faults: what tests and the page's panel switch."""

from __future__ import annotations

from typing import Any

from sandbox.server import Server

Json = dict[str, Any]


class Controls:
    """Each method takes the JSON that was posted and returns JSON."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._workspace = server.workspace

    async def faults(self, body: Json) -> Json:
        self._workspace.faults.switch(body)
        self._workspace.changed("faults", {})
        return self._workspace.fault_state()

    async def fail(self, body: Json) -> Json:
        failure = (body["method"], body["error"], body.get("times"), int(body.get("retry_after") or 1))
        self._workspace.failures.plan(*failure)
        self._workspace.changed("faults", {})
        return self._workspace.fault_state()

    async def clear_faults(self, body: Json) -> Json:
        self._workspace.clear_faults()
        return self._workspace.fault_state()

    async def app(self, body: Json) -> Json:
        if body.get("request_url"):
            await self._server.http.verify(body["request_url"])
        self._workspace.app.change(body)
        self._workspace.grants.rotating = self._workspace.app.rotating
        self._workspace.changed("places", {})
        return {"app": self._workspace.app.to_json()}

    async def users(self, body: Json) -> Json:
        return self._workspace.add_user(str(body["user"]), str(body["name"]), str(body.get("team") or ""))

    async def channels(self, body: Json) -> Json:
        kind, refuses = str(body.get("kind") or "public"), str(body.get("refuses") or "")
        return self._workspace.add_channel(
            body["channel"],
            body["name"],
            bot=bool(body["bot"]),
            kind=kind,
            refuses=refuses,
            connected=bool(body.get("connected")),
        ).to_json()

    async def drop_sockets(self, body: Json) -> Json:
        return {"dropped": self._server.sockets.cut()}

    async def expire_response_urls(self, body: Json) -> Json:
        self._server.response_urls.expire()
        return {}

    async def uninstall(self, body: Json) -> Json:
        self._server.events.removed(str(body.get("code") or "account_inactive"))
        return {}

    async def expire_tokens(self, body: Json) -> Json:
        self._workspace.grants.expire()
        return {}

    async def reset(self, body: Json) -> Json:
        self._server.files.files.clear()
        self._workspace.empty()
        return {}
