"""Results as files: CSV for a spreadsheet, M3U8 for a player or a DAW."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from recommender.answers import Answer, Result
from recommender.catalogue.measures import KEY, LOUDNESS, TEMPO, number_of
from recommender.clips import Clip
from recommender.library.descriptions import TEXTS
from recommender.library.naming import file_of

COLUMNS = (
    *("query", "rank", "similarity", "title", "start", "end", "labels", "path", "file", "url", "clip_id"),
    *(*TEXTS, KEY, LOUDNESS, TEMPO),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a formula of a spreadsheet's cell where it stands first."""


NO_ROOTS: Mapping[str, Path] = {}


def as_csv(answers: Iterable[tuple[str, Answer]], roots: Mapping[str, Path] = NO_ROOTS) -> str:
    """Return answers with their queries as one CSV table with a line of names. roots: folders of libraries by the names
    of their catalogues; then `path` is that of a file in one, and `file` the whole path on this machine."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for query, answer in answers:
        for result in answer.results:
            clip = result.clip
            path = clip.source if clip.catalogue in roots else ""
            numbers = result.rank, f"{result.similarity:.4f}" if answer.compared else ""
            times = f"{clip.start:g}", f"{clip.end:g}"
            told = dict(clip.fields)
            # Labels hold commas.
            names = "; ".join(clip.labels), path, _file(clip, roots), clip.url or "", clip.clip_id
            rest = map(_harmless, (*names, *(told.get(field, "") for field in (*TEXTS, KEY))))
            # As bare numbers, so that a spreadsheet sorts by them.
            counts = [number_of(field, told.get(field, "")) for field in (LOUDNESS, TEMPO)]
            writer.writerow([_harmless(query), *numbers, _harmless(clip.title), *times, *rest, *counts])
    return table.getvalue()


def as_m3u8(results: Iterable[Result], roots: Mapping[str, Path] = NO_ROOTS, *, absolute: bool = True) -> str:
    """Return results as a playlist of their clips, each from its moment on where the player knows VLC's options. roots:
    as for `as_csv`; absolute: whole paths, else those within the library. Clips without a file are named by their
    links, and left out where they have none."""
    lines = ["#EXTM3U"]
    for result in results:
        clip = result.clip
        within = clip.catalogue in roots
        place = (_file(clip, roots) if absolute else clip.source) if within else clip.url or ""
        if place:
            title = " ".join(clip.title.split())
            lines += [f"#EXTINF:{round(clip.end - clip.start)},{title}", f"#EXTVLCOPT:start-time={clip.start:g}"]
            lines.append(" ".join(place.splitlines()))
    return "\n".join(lines) + "\n"


def _file(clip: Clip, roots: Mapping[str, Path]) -> str:
    root = roots.get(clip.catalogue)
    return "" if root is None else str(file_of(root, clip.source.removeprefix(f"{clip.catalogue}/")))


def _harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: names are other people's."""
    return f"'{text}" if text.startswith(FORMULA) else text
