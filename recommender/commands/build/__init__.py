"""`build audioset FEATURES …` and `build library FOLDER …`: make a catalogue."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recommender.catalogue import is_address, open_catalogue, push, reach
from recommender.catalogue.local.builder import DEFAULT_TARGET_RECALL, FEW_TREES, MANY_TREES
from recommender.catalogue.local.neighbours import FEWEST_CLIPS
from recommender.commands.push import tell

MOST_TREES = 1000
"""More take days and terabytes, and find no more."""


def register(subparsers: Any) -> None:
    """Add the command and its kinds, a module each."""
    command = subparsers.add_parser("build", help="make a catalogue", description=__doc__, allow_abbrev=False)
    kinds = command.add_subparsers(dest="kind", required=True, metavar="KIND")
    for _, name, _ in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{name}").register(kinds)


def add_index_options(command: argparse.ArgumentParser, out: str = "folder of the catalogue") -> None:
    """Add what both kinds of build take. out: what may be built into."""
    command.add_argument("--out", type=_place, required=True, metavar="DIR", help=out)
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


@contextmanager
def built_into(out: Path | str) -> Iterator[Path]:
    """Return the folder that is built into: for the address of a database a temporary one, whose catalogue is brought
    there when the block ends, and deleted. Raises a `CatalogueError` before, where the database does not answer."""
    if isinstance(out, Path):
        yield out
        return
    reach(out)
    folder = Path(tempfile.mkdtemp(prefix="soundalike-build-"))
    built = folder / "catalogue"
    try:
        yield built
        opened = open_catalogue(built)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        tell(opened.id, push(opened, out))
    except BaseException:
        sys.stderr.write(f"The catalogue is built, and stays in {built}: bring it there with `push {built} URL`.\n")
        raise
    finally:
        opened.close()
    shutil.rmtree(folder, ignore_errors=True)


def _place(text: str) -> Path | str:
    return text if is_address(text) else Path(text)


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
