"""Results as files: CSV for a spreadsheet, M3U8 for a player or a DAW."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from recommender.answers import Answer, Result
from recommender.library.naming import file_of

COLUMNS = ("query", "rank", "similarity", "title", "start", "end", "labels", "path", "file", "url", "clip_id")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a formula of a spreadsheet's cell where it stands first."""


def as_csv(answers: Iterable[tuple[str, Answer]], root: Path | None = None) -> str:
    """Return answers with their queries as one CSV table with a line of names. root: folder of the library; then `path`
    is that of a file in it, and `file` the whole path on this machine."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for query, answer in answers:
        for result in answer.results:
            clip = result.clip
            path = clip.source if root else ""
            numbers = result.rank, f"{result.similarity:.4f}"
            times = f"{clip.start:g}", f"{clip.end:g}"
            names = map(_harmless, (", ".join(clip.labels), path, _file(result, root), clip.url or "", clip.clip_id))
            writer.writerow([_harmless(query), *numbers, _harmless(clip.title), *times, *names])
    return table.getvalue()


def as_m3u8(results: Iterable[Result], root: Path | None = None, *, absolute: bool = True) -> str:
    """Return results as a playlist of their clips, each from its moment on where the player knows VLC's options. root:
    folder of the library; absolute: whole paths, else those within it. Clips without a file are named by their links,
    and left out where they have none."""
    lines = ["#EXTM3U"]
    for result in results:
        clip = result.clip
        place = (_file(result, root) if absolute else clip.source) if root else clip.url or ""
        if place:
            title = " ".join(clip.title.split())
            lines += [f"#EXTINF:{round(clip.end - clip.start)},{title}", f"#EXTVLCOPT:start-time={clip.start:g}"]
            lines.append(" ".join(place.splitlines()))
    return "\n".join(lines) + "\n"


def _file(result: Result, root: Path | None) -> str:
    return str(file_of(root, result.clip.source)) if root else ""


def _harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: names are other people's."""
    return f"'{text}" if text.startswith(FORMULA) else text
