"""The command line: `python -m recommender COMMAND …`; what each command does is in `recommender.commands`."""

from __future__ import annotations

import argparse
import importlib
import logging
import pkgutil
import re
import sys
from collections.abc import Sequence

from recommender import commands
from recommender.errors import SoundalikeError

_log = logging.getLogger(__name__)

# argparse takes `-0RWZT-miFs` for options; its own exception for negative numbers serves video ids as well.
_VIDEO_ID = re.compile(r"^-[\w-]{10}(_\d+)?$|^-\d+$")


def parser() -> argparse.ArgumentParser:
    """Build the parser with all commands."""
    top = argparse.ArgumentParser(prog="python -m recommender", allow_abbrev=False)
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for _, name, _ in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"recommender.commands.{name}").register(subparsers)
    for command in subparsers.choices.values():
        command.allow_abbrev = False
        command._negative_number_matcher = _VIDEO_ID
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit status: 0, 1 where something had an error, 2 for wrong usage."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return int(arguments.run(arguments))
    except SoundalikeError as error:
        _log.debug("%s failed", arguments.command, exc_info=True)
        sys.stderr.write(f"{error.code}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
