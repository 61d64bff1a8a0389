"""`verify DIR`: read every byte of a catalogue and ask its known answers."""

from __future__ import annotations

import argparse
from typing import Any

from recommender.catalogue import open_catalogue


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("verify", help="check a catalogue", description=__doc__)
    command.add_argument("catalogue", metavar="DIR")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments.catalogue)
    try:
        found = catalogue.verify()
    finally:
        catalogue.close()
    print(f"{catalogue.location}: whole, {found}")
    return 0
