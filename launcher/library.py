"""Serves a library's sound on this machine, for the links of answers: `python -m launcher.library --port N FOLDER`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.typedefs import Handler

from recommender.audio.formats import MEDIA_SUFFIXES, looks_like_media

HOST = "127.0.0.1"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private"}
_FOLDER = web.AppKey("folder", Path)
_HEAD_BYTES = 512


def application(folder: Path) -> web.Application:
    """Return what serves the sound files of a folder, whole or in ranges, and nothing else that lies there."""
    served = web.Application(middlewares=[_own_name_only])
    served[_FOLDER] = folder.resolve()
    served.add_routes([web.get("/{path:.*}", _file)])
    return served


async def _file(request: web.Request) -> web.StreamResponse:
    folder = request.app[_FOLDER]
    # By its bytes: names need not be UTF-8.
    relative = os.fsdecode(unquote_to_bytes(request.rel_url.raw_path)).lstrip("/")
    hidden = any(part.startswith(".") for part in relative.split("/"))
    if hidden or "\0" in relative:
        raise web.HTTPNotFound
    try:
        path = (folder / relative).resolve(strict=True)
        if not path.is_relative_to(folder) or not path.is_file() or not _sounds(path):
            raise web.HTTPNotFound
    except (OSError, RuntimeError):
        raise web.HTTPNotFound from None
    return web.FileResponse(path, headers=HEADERS)


def _sounds(path: Path) -> bool:
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return True
    with path.open("rb") as file:
        return looks_like_media(file.read(_HEAD_BYTES))


@web.middleware
async def _own_name_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse pages of the web that call this machine by a name of theirs."""
    if request.host.partition(":")[0] not in {HOST, "localhost"}:
        raise web.HTTPForbidden
    return await handler(request)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m launcher.library", allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    web.run_app(application(arguments.folder), host=HOST, port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
