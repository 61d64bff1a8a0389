"""`map DIR --out FILE`: the catalogue as one HTML page, a map on which clips that are alike stand side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from recommender.catalogue import locations, open_catalogue
from recommender.catalogue.together import names_of
from recommender.mapping.page import as_page, make_map
from recommender.output_file import opened, tell
from recommender.settings import Settings, load

CLIPS = 5_000
MOST_CLIPS = 20_000


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("map", help="draw a catalogue as a page", description=__doc__)
    command.add_argument("catalogue", metavar="DIR", help="a folder, a URL, or several with commas between them")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page, or - for standard output")
    command.add_argument(
        "--clips",
        type=_count,
        default=CLIPS,
        metavar="N",
        help=f"of more clips, so many are drawn by lot: 1 to {MOST_CLIPS:,}; default {CLIPS:,}",
    )
    command.add_argument(
        "--library-url", metavar="URL", help="where a library's files are served, or file:///FOLDER; else LIBRARY_URL"
    )
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments.catalogue, arguments.library_url or load(Settings).library_url)
    try:
        drawn = make_map(catalogue, arguments.clips, progress=True)
        name = " and ".join(names_of(locations(arguments.catalogue), [c.facts for c in catalogue.members.values()]))
    finally:
        catalogue.close()
    with opened(arguments.out) as file:
        file.write(as_page(drawn, name))
    drawn_by_lot = f" of {drawn.total:,}, drawn by lot" if len(drawn.clips) < drawn.total else ""
    tell(arguments.out, f"{len(drawn.clips):,} clips{drawn_by_lot}, {len(drawn.regions)} regions")
    return 0


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_CLIPS:
        raise argparse.ArgumentTypeError(f"1 to {MOST_CLIPS}")
    return count
