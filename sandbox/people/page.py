"""The page, its live channel, and the bytes that it plays."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.server import Server

Json = dict[str, Any]

STATIC = Path(__file__).parents[1] / "static"
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' https: data:; media-src 'self' https: http: blob:; "
    "connect-src 'self' blob:",
    "X-Content-Type-Options": "nosniff",
}
KEEP_ALIVE_SECONDS = 15.0
WAITING_EVENTS = 5000
"""Events that a slow page may lag behind before it is told to load anew."""


def routes(server: Server) -> list[web.AbstractRouteDef]:
    """The page's addresses."""
    page = Page(server)
    return [
        web.get("/", page.index),
        web.static("/static", STATIC),
        web.get("/sandbox/live", page.live),
        web.get("/sandbox/file/{file}", page.file),
    ]


class Page:
    """Serves the page to people; the bot has no business here."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page itself."""
        return web.FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Everything that changes, as server-sent events, for as long as the page is open."""
        events: asyncio.Queue[tuple[str, Json]] = asyncio.Queue(WAITING_EVENTS)

        def notice(kind: str, data: Json) -> None:
            if events.full():
                while not events.empty():
                    events.get_nowait()
                kind, data = "reset", {}
            events.put_nowait((kind, data))

        unwatch = self._server.workspace.watch(notice)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        try:
            await answer.prepare(request)
            await answer.write(b"retry: 500\n\n")
            while True:
                try:
                    kind, data = await asyncio.wait_for(events.get(), KEEP_ALIVE_SECONDS)
                except asyncio.TimeoutError:
                    await answer.write(b": still here\n\n")
                    continue
                if kind == "stop":
                    break
                await answer.write(f"data: {json.dumps({'kind': kind, **self._shown(data)})}\n\n".encode())
        except (ConnectionResetError, asyncio.CancelledError):
            pass
        finally:
            unwatch()
        return answer

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes for the page's player, whole or the range that it asks for."""
        file = self._server.files.files.get(request.match_info["file"])
        if file is None or file.deleted:
            raise web.HTTPNotFound
        return ranged(request, file.content, file.mimetype)

    def _shown(self, data: Json) -> Json:
        message = data.get("message")
        if message is None:
            return data
        shown = self._server.files.shown(message)
        return {"message": {**shown, "_user": message["_user"]} if "_user" in message else shown}


def ranged(request: web.Request, content: bytes, mimetype: str) -> web.Response:
    """Answer with bytes, or with the one range of them that a media player asks for."""
    headers = {"Content-Type": mimetype, "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    if not mimetype.startswith(("audio/", "video/", "image/")):
        headers |= {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    try:
        wanted = request.http_range
    except ValueError:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=content, headers=headers)
    start, stop, _ = wanted.indices(len(content))
    if start >= stop:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return web.Response(status=206, body=content[start:stop], headers=headers)
