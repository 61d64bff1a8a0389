"""`export DIR --jsonl FILE`: one JSON object per clip, with the keys of the seed notebook's own files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from recommender.catalogue import open_catalogue
from recommender.catalogue.base import Catalogue, Vectors
from recommender.output_file import opened, tell
from recommender.terminal import bar_options

DECIMALS = 6


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("export", help="write a catalogue as JSON Lines", description=__doc__)
    command.add_argument("catalogue", metavar="DIR")
    command.add_argument("--jsonl", type=Path, required=True, metavar="FILE", help="- for standard output")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments.catalogue)
    target: Path = arguments.jsonl
    try:
        with opened(target) as file:
            count = _write(catalogue, file)
        tell(target, f"{count:,} clips")
    finally:
        catalogue.close()
    return 0


def _write(catalogue: Catalogue, file: TextIO) -> int:
    """Write all clips that have a vector; returns how many."""
    lengths, count = catalogue.lengths(), 0
    for clip, vector in tqdm(catalogue.all_clips(), total=len(catalogue), unit="clip", **bar_options(True)):
        if not vector.any():
            continue
        count += 1
        row = {
            "video_id": clip.source,
            "start_time": clip.start,
            "end_time": clip.end,
            "label": list(clip.labels),
            "data": _rounded(vector) if lengths is None else _bytes(vector, lengths[clip.item]),
            "item": clip.item,
            "clip_id": clip.clip_id,
        }
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _rounded(vector: Vectors) -> list[float]:
    return [round(value, DECIMALS) for value in vector.tolist()]


def _bytes(vector: Vectors, length: float) -> list[int]:
    """Return the bytes that a raw-frames vector was made of."""
    return [int(value) for value in np.rint(vector.astype(np.float64) * length).tolist()]
