"""`python -m bot`: Socket Mode; `python -m bot worker`, `python -m bot check`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bot import logs
from bot.settings import BotSettings
from recommender.errors import SoundalikeError
from recommender.settings import load


def main(argv: Sequence[str] | None = None) -> int:
    """Run one kind of process; gives its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="The Slack bot.", allow_abbrev=False)
    parser.add_argument("what", nargs="?", choices=["run", "worker"], default="run")
    arguments = parser.parse_args(argv)
    try:
        settings = load(BotSettings)
        logs.configure(settings)
        if arguments.what == "worker":
            from bot import worker

            return worker.run(settings)
        from bot import socket_mode

        return socket_mode.run(settings)
    except SoundalikeError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
