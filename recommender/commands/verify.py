"""`verify DIR`: read every byte of a catalogue and ask its known answers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recommender.catalogue.local.builder import facts_of
from recommender.catalogue.local.catalogue import Catalogue
from recommender.errors import CatalogueDamaged


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("verify", help="check a catalogue", description=__doc__)
    command.add_argument("catalogue", type=Path, metavar="DIR")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.catalogue
    catalogue = Catalogue.open(folder)
    try:
        for name, facts in catalogue.manifest.files.items():
            if facts_of(folder / name, progress=True) != facts:
                raise CatalogueDamaged(f"{folder / name} is not what was built: build the catalogue again.")
        catalogue.table.check()
    finally:
        catalogue.close()
    print(f"{folder}: whole, {len(catalogue):,} clips, {len(catalogue.manifest.known_answers)} known answers right")
    return 0
