"""`build audioset FEATURES …` and `build library FOLDER …`: make a catalogue."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from pathlib import Path
from typing import Any

from recommender.catalogue.local.builder import DEFAULT_TARGET_RECALL, FEW_TREES, MANY_TREES
from recommender.catalogue.local.neighbours import FEWEST_CLIPS

MOST_TREES = 1000
"""More take days and terabytes, and find no more."""


def register(subparsers: Any) -> None:
    """Add the command and its kinds, a module each."""
    command = subparsers.add_parser("build", help="make a catalogue", description=__doc__, allow_abbrev=False)
    kinds = command.add_subparsers(dest="kind", required=True, metavar="KIND")
    for _, name, _ in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{name}").register(kinds)


def add_index_options(command: argparse.ArgumentParser) -> None:
    """Add what both kinds of build take."""
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the catalogue")
    command.add_argument(
        "--trees",
        type=_trees,
        metavar="N",
        help=f"trees of the index (default {MANY_TREES}, from {FEWEST_CLIPS:,} clips {FEW_TREES})",
    )
    command.add_argument(
        "--target-recall",
        type=_share,
        default=DEFAULT_TARGET_RECALL,
        metavar="R",
        help="share of the exact results that the index must find (default 0.99)",
    )


def _trees(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= MOST_TREES:
        raise argparse.ArgumentTypeError(f"must lie between 1 and {MOST_TREES:,}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value
