"""`python -m sandbox [--port N]`: serves the workspace and prints its address."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from sandbox.app_config import AppConfig
from sandbox.errors import PersonRefusal
from sandbox.people import page, routes
from sandbox.server import Server
from sandbox.slack import Slack
from sandbox.workspace import Workspace

HOST = "127.0.0.1"
DEFAULT_PORT = 8090
SHUTDOWN_SECONDS = 2.0
MANIFEST = Path(__file__).resolve().parents[1] / "bot" / "manifest.json"
"""What the app is installed from: the sandbox grants what a workspace would."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A Slack workspace on this machine.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--manifest", type=Path, default=MANIFEST, help="the app's manifest: scopes, events, commands, shortcuts"
    )
    arguments = parser.parse_args(argv)
    try:
        app = AppConfig() if _absent_default(arguments.manifest) else AppConfig.from_manifest(arguments.manifest)
        listener = _listen(arguments.port)
    except PersonRefusal as error:
        sys.stderr.write(f"{error}\n")
        return 1
    asyncio.run(serve(listener, app))
    return 0


async def serve(listener: socket.socket, app: AppConfig) -> None:
    """Serve a workspace on a listening socket until SIGINT or SIGTERM."""
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    server = Server(Workspace(app), address)
    slack = Slack(server)
    runner = web.AppRunner(
        server.application([*slack.routes(), *routes.routes(slack), *page.routes(server)]),
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


def _absent_default(manifest: Path) -> bool:
    return manifest == MANIFEST and not manifest.exists()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise PersonRefusal(f"port {port} cannot be used ({error.strerror}); choose another with --port") from error
    listener.listen(1024)
    return listener


if __name__ == "__main__":
    sys.exit(main())
