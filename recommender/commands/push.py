"""`push DIR URL`: bring a catalogue into a database, where it takes the place of the one that is current."""

from __future__ import annotations

import argparse
from typing import Any

from recommender.catalogue import open_catalogue, push
from recommender.catalogue.base import Pushed

BUILD_MEGABYTES = 1024


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("push", help="bring a catalogue into a database", description=__doc__)
    command.add_argument("catalogue", metavar="DIR", help="what is brought there: a folder, or another database")
    command.add_argument(
        "url", metavar="URL", help="postgresql://USER@HOST/DATABASE?schema=NAME, or milvus://HOST/ALIAS"
    )
    command.add_argument(
        "--build-memory",
        type=int,
        default=BUILD_MEGABYTES,
        metavar="MB",
        help=f"memory that PostgreSQL may take to build the index (default {BUILD_MEGABYTES})",
    )
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments.catalogue)
    try:
        pushed = push(catalogue, arguments.url, build_megabytes=arguments.build_memory)
    finally:
        catalogue.close()
    tell(catalogue.id, pushed)
    return 0


def tell(id_: str, pushed: Pushed) -> None:
    """Say what a push did."""
    if not pushed.indexing:
        print(f"{id_} is current there already")
        return
    rate = f"{pushed.clips / max(pushed.copying, 1e-3):,.0f} clips a second"
    print(
        f"{id_}: {pushed.clips:,} clips copied ({rate}), indexed in {pushed.indexing:.0f} s, known answers "
        f"right, taken up"
    )
