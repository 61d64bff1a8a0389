"""What the bot gets when it downloads a file: the bytes with the right token and scope, Slack's login page without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import quote

from aiohttp import web

from sandbox.faults import Faults
from sandbox.files.store import File, Files
from sandbox.workspace import Workspace

CHUNK_BYTES = 1 << 16
LOGIN_PAGE = """<!DOCTYPE html><html lang="en-US"><head><title>Slack</title></head>
<body><h1>Sign in to Sandbox</h1><p>This file is only visible to members of this workspace.</p></body></html>
"""


class Downloads:
    """Serves `url_private` and `url_private_download`."""

    def __init__(self, workspace: Workspace, files: Files) -> None:
        self._workspace = workspace
        self._files = files

    async def private(self, request: web.Request) -> web.StreamResponse:
        """Answer one download, under the faults of the moment."""
        return await self._answer(request, self._redirect(request))

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Answer on the host that `redirect_files` leads to."""
        if request.query.get("signature") and request.headers.get("Authorization"):
            raise web.HTTPBadRequest(text="Only one of token and signature is taken.")
        return await self._answer(request, "")

    async def _answer(self, request: web.Request, redirect: str) -> web.StreamResponse:
        file_id = request.match_info["file"]
        file = self._files.files.get(file_id)
        entry = self._workspace.traffic.add("download", file.name if file else file_id)
        started = time.perf_counter()
        error = self._refusal(request, file)
        try:
            if file is None or file.deleted:
                raise web.HTTPNotFound(text="This file was deleted.")
            if redirect:
                raise web.HTTPFound(redirect)
            if error:
                return web.Response(text=LOGIN_PAGE, content_type="text/html")
            return await self._send(request, file)
        finally:
            self._workspace.traffic.finish(entry, ms=(time.perf_counter() - started) * 1000, error=error)

    def _redirect(self, request: web.Request) -> str:
        faults = self._workspace.faults
        if not faults.redirect_files:
            return faults.redirect_files_to
        address = f"http://localhost:{request.url.port}{request.path.replace('/files-pri/', '/files-else/')}"
        return address + ("?signature=sandbox" if faults.redirect_files == "edge" else "")

    def _refusal(self, request: web.Request, file: File | None) -> str:
        signed = bool(request.query.get("signature"))
        if not signed and not self._workspace.opened_by(
            request.headers.get("Authorization", "").removeprefix("Bearer ")
        ):
            return "not_authed: the login page was served"
        if "files:read" not in self._workspace.app.scopes:
            return "missing_scope files:read: the login page was served"
        faults = self._workspace.faults
        young = file is not None and file.age < faults.login_page_for
        return "files_html: the login page was served" if faults.files_html or young else ""

    async def _send(self, request: web.Request, file: File) -> web.StreamResponse:
        faults = self._workspace.faults
        await asyncio.sleep(faults.file_delay)
        headers = {
            "Content-Type": file.mimetype,
            "Content-Length": str(len(file.content)),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
        }
        answer = web.StreamResponse(headers=headers)
        await answer.prepare(request)
        async for chunk in _paced(file.content, faults):
            await answer.write(chunk)
        await answer.write_eof()
        return answer


async def _paced(content: bytes, faults: Faults) -> AsyncIterator[bytes]:
    step = CHUNK_BYTES if not faults.file_bytes_per_second else max(1, int(faults.file_bytes_per_second / 10))
    for start in range(0, len(content), step):
        yield content[start : start + step]
        if faults.file_bytes_per_second:
            await asyncio.sleep(0.1)
