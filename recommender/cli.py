"""The command line: `python -m recommender COMMAND …`; what each command does is in `recommender.commands`."""

from __future__ import annotations

import argparse
import importlib
import logging
import pkgutil
import re
import sys
from collections.abc import Sequence

from recommender import __version__, commands
from recommender.errors import SoundalikeError
from recommender.settings import add_env_file
from recommender.spelling import shown
from recommender.terminal import guarded

_log = logging.getLogger(__name__)

# argparse takes `-0RWZT-miFs` for options; its own exception for negative numbers serves video ids as well.
_VIDEO_ID = re.compile(r"^-[\w-]{10}(_\d+)?$|^-\w[\w.-]+$|^-\d+$")
"""Ids of 11 characters, those with a slip in them, which then get suggestions, names of files, and numbers: no option
has a name of one letter."""
_LIKE_HELP = re.compile(r"-h[\w-]{9}(_\d+)?")


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Build the parser with all commands, or with the one that was typed: the others' imports take half a second."""
    top = argparse.ArgumentParser(prog="python -m recommender", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"Soundalike {__version__}")
    add_env_file(top)
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    names = [name for _, name, _ in pkgutil.iter_modules(commands.__path__)]
    for name in [command] if command in names else names:
        importlib.import_module(f"recommender.commands.{name}").register(subparsers)
    for each in subparsers.choices.values():
        each.allow_abbrev = False
        each._negative_number_matcher = _VIDEO_ID
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0, 1 where something had an error, 2 for wrong usage."""
    given = list(sys.argv[1:] if argv is None else argv)
    # argparse takes what begins with -h for help, unless there is a space in it; queries are stripped.
    arguments = parser(*given[:1]).parse_args([f" {text}" if _LIKE_HELP.fullmatch(text) else text for text in given])
    with guarded():
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return int(arguments.run(arguments))
    except SoundalikeError as error:
        _log.debug("%s failed", arguments.command, exc_info=True)
        sys.stderr.write(f"{error.code}: {shown(str(error))}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
