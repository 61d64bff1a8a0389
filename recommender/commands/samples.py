"""`samples DIR`: write the starter library of synthesised sounds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from recommender import samples
from recommender.errors import CannotWrite


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("samples", help="write about 100 short synthesised sounds to try Soundalike with")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write; files that exist are left alone")
    parser.add_argument("--seed", type=int, default=samples.DEFAULT_SEED, help="other seeds give other sounds")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the clips and say how many."""
    folder: Path = arguments.folder
    written = 0
    try:
        progress = tqdm(samples.write(folder, arguments.seed), total=len(samples.SAMPLES), unit="clip", disable=None)
        for _, is_new in progress:
            written += is_new
    except OSError as error:
        raise CannotWrite(f"Cannot write to {folder}: {error.strerror}. Choose another folder.") from error
    kept = len(samples.SAMPLES) - written
    families = len({sample.family for sample in samples.SAMPLES})
    print(f"{folder}: {written} clips written, {kept} there already, in {families} families")
    return 0
