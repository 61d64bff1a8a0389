"""Serves libraries' sound on this machine, for the links of answers: `python -m launcher.library --port N --serve ""
FOLDER`, or `--serve NAME FOLDER` for each of several, whose paths begin with their names."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.typedefs import Handler

from recommender.audio.formats import MEDIA_SUFFIXES, looks_like_media

HOST = "127.0.0.1"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private"}
_FOLDERS = web.AppKey("folders", dict[str, Path])
_HEAD_BYTES = 512


def application(folders: Mapping[str, Path]) -> web.Application:
    """Return what serves the sound files of folders, by names that paths begin with, where they are not empty: whole or
    in ranges, and nothing else that lies there."""
    served = web.Application(middlewares=[_own_name_only])
    served[_FOLDERS] = {name: folder.resolve() for name, folder in folders.items()}
    served.add_routes([web.get("/{path:.*}", _file)])
    return served


async def _file(request: web.Request) -> web.StreamResponse:
    folders = request.app[_FOLDERS]
    # By its bytes: names need not be UTF-8.
    relative = os.fsdecode(unquote_to_bytes(request.rel_url.raw_path)).lstrip("/")
    hidden = any(part.startswith(".") for part in relative.split("/"))
    name, _, within = ("", "", relative) if "" in folders else relative.partition("/")
    if hidden or "\0" in relative or name not in folders:
        raise web.HTTPNotFound
    folder = folders[name]
    try:
        path = (folder / within).resolve(strict=True)
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
    parser.add_argument("--serve", nargs=2, action="append", required=True, metavar=("NAME", "FOLDER"))
    arguments = parser.parse_args()
    web.run_app(
        application({name: Path(folder) for name, folder in arguments.serve}),
        host=HOST,
        port=arguments.port,
        print=None,
        access_log=None,
    )


if __name__ == "__main__":
    main()
