"""A real Milvus for tests, from a wheel; only this machine reaches it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / ".run" / "milvus"
"""Where the wheel's programs are unpacked once: it takes 9 s."""
START_SECONDS = 60.0


class Milvus:
    """A server that can be harmed; port: where it is reached, also after a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"milvus://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on what it holds, and wait until it answers; raises RuntimeError where it does not."""
        command = ["unshare", "-rn", sys.executable, "-m", "tests.support.milvus_process", str(self._folder)]
        descriptor = self._listener.fileno()
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(descriptor)],
                pass_fds=[descriptor],
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        self._wait()

    def freeze(self) -> None:
        """Hold it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill all of it at once."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it, whoever is connected: killed, since it has no short way."""
        self.kill()

    def close(self) -> None:
        """Stop it for good."""
        self.kill()
        self._listener.close()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        main = psutil.Process(self._process.pid)
        for process in [*main.children(recursive=True), main]:
            os.kill(process.pid, number)

    def _wait(self) -> None:
        from pymilvus import MilvusClient, MilvusException

        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                client = MilvusClient(f"http://127.0.0.1:{self.port}", timeout=2)
                loading = [name for name in client.list_collections() if "Loading" in str(client.get_load_state(name))]
                client.close()
                if not loading:
                    return
            except MilvusException:
                pass
            time.sleep(0.2)
        text = (self._folder / "output.log").read_text(errors="replace").strip()
        raise RuntimeError(text.splitlines()[-1] if text else "it does not answer")


@contextmanager
def started() -> Iterator[Milvus]:
    """Start a server with a folder of its own, and stop it; skips where it cannot start."""
    if find_spec("milvus") is None or find_spec("pymilvus") is None:
        pytest.skip("there is no Milvus: install milvus and pymilvus")
    folder = Path(tempfile.mkdtemp(prefix="milvus-"))
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    (folder / "bin").symlink_to(PROGRAMS)
    server = Milvus(folder)
    try:
        try:
            server.start()
        except (RuntimeError, OSError) as error:
            pytest.skip(f"Milvus does not start here, in a network namespace of its own: {error}")
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
