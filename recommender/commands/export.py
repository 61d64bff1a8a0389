"""`export DIR --jsonl FILE`: one JSON object per clip, with the keys of the seed notebook's own files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from recommender.catalogue import Catalogue
from recommender.clips import Clip
from recommender.errors import CannotWrite

DECIMALS = 6


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("export", help="write a catalogue as JSON Lines", description=__doc__)
    command.add_argument("catalogue", type=Path, metavar="DIR")
    command.add_argument("--jsonl", type=Path, required=True, metavar="FILE", help="- for standard output")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = Catalogue.open(arguments.catalogue)
    target: Path = arguments.jsonl
    to_stdout = str(target) == "-"
    # Written beside and renamed, so that a file that stands is whole.
    beside = target.with_name(f".{target.name}.part")
    try:
        with ExitStack() as stack:
            file = sys.stdout if to_stdout else stack.enter_context(beside.open("w", encoding="utf-8"))
            _write(catalogue, file)
        if not to_stdout:
            beside.replace(target)
            print(f"{target}: {len(catalogue):,} clips")
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {error.strerror}. Choose another place.") from error
    finally:
        catalogue.close()
        if not to_stdout:
            beside.unlink(missing_ok=True)
    return 0


def _write(catalogue: Catalogue, file: TextIO) -> None:
    clips: Iterator[Clip] = tqdm(catalogue.all_clips(), total=len(catalogue), unit="clip", disable=None)
    for clip in clips:
        file.write(json.dumps(_row(catalogue, clip), ensure_ascii=False) + "\n")


def _row(catalogue: Catalogue, clip: Clip) -> dict[str, Any]:
    return {
        "video_id": clip.source,
        "start_time": clip.start,
        "end_time": clip.end,
        "label": list(clip.labels),
        "data": _data(catalogue, clip.item),
        "item": clip.item,
        "clip_id": clip.clip_id,
    }


def _data(catalogue: Catalogue, item: int) -> list[float] | list[int]:
    """Give the clip vector; of a raw-frames catalogue the bytes it was made of."""
    vector = catalogue.vectors[item]
    if catalogue.manifest.vectors_kind != "raw-frames":
        return [round(value, DECIMALS) for value in vector.tolist()]
    return [int(value) for value in np.rint(vector.astype(np.float64) * catalogue.table.length(item)).tolist()]
