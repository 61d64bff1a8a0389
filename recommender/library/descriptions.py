"""What a file says of itself, brought together: its tags in the right letters, and a Universal Category System name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from recommender.catalogue.measures import MEASURES, measured
from recommender.spelling import readable, text_of

TEXTS = DESCRIPTION, CATEGORY, LIBRARY, DESIGNER, SCENE, TAKE = (
    *("description", "category", "library"),
    *("designer", "scene", "take"),
)
FIELDS = (*TEXTS, *MEASURES)
_SOURCES = {
    DESCRIPTION: ("description", "bwf_description", "comment", "note", "synopsis"),
    CATEGORY: ("category", "subcategory"),
    LIBRARY: ("library",),
    DESIGNER: ("designer", "creatorid", "manufacturer"),
    SCENE: ("scene",),
    TAKE: ("take",),
}
"""The tags that may hold each field, the surest first: of iXML, bext as ffmpeg names it, INFO, ID3, Vorbis, MP4."""
_CODES = Path(__file__).with_name("ucs_codes.tsv")
_UCS = re.compile(r"([A-Z]{2,5})([A-Z][a-z]*)?(?:-[^_]*)?_([^_]+)_([^_]+)_([^_]+)(?:_.*)?")
"""CatID[-UserCategory]_FXName_CreatorID_SourceID[_UserData] (universalcategorysystem.com, version 8.2)."""


def described(path: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a file in the right letters, with `FIELDS` where it or its name tells them; `title` is an FX
    name's where the file has none."""
    tags = _in_right_letters(metadata)
    named = _by_name(PurePosixPath(readable(path)).stem)
    for field, sources in _SOURCES.items():
        said = [tags[source] for source in sources if tags.get(source)]
        value = " ".join(dict.fromkeys(said)) if field == CATEGORY else next(iter(said), "")
        if value or named.get(field):
            tags[field] = value or named[field]
    stem = PurePosixPath(readable(path)).stem
    tags = {name: text for name, text in tags.items() if name not in MEASURES} | measured(stem, tags)
    if not tags.get("title") and (title := tags.get("fxname") or named.get("title")):
        tags["title"] = title
    return tags


def _by_name(stem: str) -> dict[str, str]:
    """Read a file name of the Universal Category System; empty for others."""
    match = _UCS.fullmatch(stem)
    if match is None:
        return {}
    head, tail, effect, creator, source = match.groups()
    codes = _codes()
    if head not in codes:
        return {}
    words = [codes[head], codes.get(f"+{tail}", "")]
    return {
        "title": effect,
        CATEGORY: "; ".join(filter(None, words)),
        DESIGNER: creator,
        LIBRARY: source,
    }


def _in_right_letters(metadata: Mapping[str, str]) -> dict[str, str]:
    """Read tags anew that were taken for Latin-1, all with one set of letters: short texts tell little of theirs."""
    foreign = {name: text for name, text in metadata.items() if not text.isascii() and max(text) <= "\xff"}
    if not foreign:
        return dict(metadata)
    # What is not of Latin-1 tells that the container knew its letters.
    read = text_of("\n".join(foreign.values()).encode("latin-1")).split("\n")
    if len(read) != sum(text.count("\n") + 1 for text in foreign.values()):
        return dict(metadata)
    lines = iter(read)
    return dict(metadata) | {
        name: "\n".join(next(lines) for _ in range(text.count("\n") + 1)) for name, text in foreign.items()
    }


@cache
def _codes() -> dict[str, str]:
    lines = (line.partition("\t") for line in _CODES.read_text(encoding="utf-8").splitlines())
    return {code: word for code, _, word in lines}
