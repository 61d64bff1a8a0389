"""A map as one HTML page that needs nothing else: no network, no other file, but the sounds that it links to."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from recommender.catalogue.base import BLOCK_CLIPS, Catalogue
from recommender.catalogue.links import video_moment
from recommender.clips import Clip
from recommender.mapping.clusters import Cluster, clusters
from recommender.mapping.layout import Points, layout
from recommender.spelling import shown
from recommender.terminal import bar_options

SIDE = 10_000
"""The longer side of a map, in the page's whole numbers."""
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Map:
    """Clips of a catalogue, their places (n, 2), and the regions; total: how many clips could have been drawn."""

    clips: list[Clip]
    points: Points
    regions: list[Cluster]
    total: int


def make_map(catalogue: Catalogue, most: int, *, progress: bool = False) -> Map:
    """Lay out the clips of a catalogue that have a vector; of more than `most`, so many drawn by lot."""
    total = len(catalogue)
    items = np.arange(total)
    if total > most:
        items = np.sort(np.random.default_rng(0).choice(total, most, replace=False))
    clips: list[Clip] = []
    vectors: list[NDArray[np.float32]] = []
    for clip, vector in tqdm(_read(catalogue, items), total=len(items), unit="clip", **bar_options(progress)):
        if vector.any():
            clips.append(clip)
            vectors.append(vector)
    stacked = np.stack(vectors) if vectors else np.empty((0, catalogue.facts.dimension), np.float32)
    points = layout(stacked, progress=progress)
    return Map(clips, points, clusters(points, [clip.labels for clip in clips]), catalogue.facts.searchable)


def _read(catalogue: Catalogue, items: NDArray[np.int64]) -> Iterator[tuple[Clip, NDArray[np.float32]]]:
    for first in range(0, len(items), BLOCK_CLIPS):
        some = items[first : first + BLOCK_CLIPS].tolist()
        yield from zip(catalogue.clips(some), catalogue.vectors_of(some), strict=True)


def as_page(drawn: Map, name: str) -> str:
    """Return a map as HTML. Names are other people's: they stand in JSON alone, in which no tag can begin, and become
    text nodes. The page's policy allows its own script and no other."""
    script, style = (_HERE.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; media-src http: https: file:"
    filled = {
        "policy": policy,
        "title": html.escape(f"{shown(name)}: a map of its sounds"),
        "style": style,
        "script": script,
        "data": json.dumps(_data(drawn, name)).replace("<", "\\u003c"),
    }
    page = _HERE.joinpath("page.html").read_text(encoding="utf-8")
    parts = page.split("%%")
    return "".join(filled[part] if place % 2 else part for place, part in enumerate(parts))


def _data(drawn: Map, name: str) -> dict[str, Any]:
    region = {int(row): number for number, each in enumerate(drawn.regions) for row in each.rows}
    labels = sorted({label for clip in drawn.clips for label in clip.labels})
    numbers = {label: number for number, label in enumerate(labels)}
    low = drawn.points.min(axis=0) if len(drawn.points) else np.zeros(2)
    scale = SIDE / max(float(np.ptp(drawn.points, axis=0).max()), 1e-9) if len(drawn.points) else 1.0
    places = np.rint((drawn.points - low) * scale).astype(int).tolist()
    return {
        "name": shown(name),
        "total": drawn.total,
        "labels": [shown(label) for label in labels],
        "regions": [
            {"label": shown(each.label), "at": [round((each.centre[axis] - low[axis]) * scale) for axis in (0, 1)]}
            for each in drawn.regions
        ],
        "clips": [
            {
                "at": places[row],
                "region": region[row],
                "title": shown(clip.title),
                "path": shown(clip.source) if clip.source != clip.title else "",
                "start": clip.start,
                "end": clip.end,
                "labels": [numbers[label] for label in clip.labels],
                **({} if clip.url is None else {"url": clip.url, "plays": video_moment(clip.url) is None}),
            }
            for row, clip in enumerate(drawn.clips)
        ],
    }


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
