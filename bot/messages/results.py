"""One result of an answer: which clip, how alike, what it is and where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.messages.block_kit import MAX_URL_CHARS, bold, clock, in_the_middle, link, per_cent, plain
from bot.messages.library import said
from recommender.answers import Result
from recommender.catalogue.links import video_moment
from recommender.clips import Clip

SHOWN_LABELS = 8
LABEL_CHARS = 60
TITLE_CHARS = 120
PATH_CHARS = 60
LINE_CHARS = 76
"""About what one line holds at a desk."""
AND_MORE_CHARS = 11
LABELS_BESIDE = 24
"""Characters of labels that are worth a place beside the name."""
_MARKUP = re.compile(r"<[^|>]*\|([^>]*)>|\*")


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is said of each result: characters of its title and of the longest link, labels and their characters,
    characters of what its file says of itself."""

    title: int = TITLE_CHARS
    url: int = MAX_URL_CHARS
    labels: int = SHOWN_LABELS
    label: int = LABEL_CHARS
    said: int = LINE_CHARS


DETAILS = (Detail(), Detail(TITLE_CHARS, 300, 4, 40), Detail(60, 150, 3, 30, 0), Detail(30, 0, 1, 20, 0))
"""From the fullest to one that lets twenty results of whatever names pass Slack's limit."""


def result_text(result: Result, shared: tuple[str, ...], detail: Detail, *, compared: bool, paths: bool) -> str:
    """Return which clip and how alike it is, and what it is and where it lies: in one line where both fit, else two;
    then what its file says of itself."""
    clip = result.clip
    facts = [
        link(clip.url, clip.title, detail.title, detail.url),
        f"{clock(clip.start)}–{clock(clip.end)}",
    ]
    if compared:
        facts.append(f"*{per_cent(result.similarity)}*")
    if clip.catalogue:
        facts.append(plain(clip.catalogue, LABEL_CHARS))
    if result.copies > 1:
        facts.append(f"{result.copies} copies")
    name = f"*{result.rank}.* " + " · ".join(facts)
    more = []
    if result.matched is not None:
        more.append(f"resembles {clock(result.matched[0])}–{clock(result.matched[1])} of the upload")
    if paths and of_file(clip) and (place := _place(clip)):
        more.append(plain(in_the_middle(place, PATH_CHARS), PATH_CHARS))
    told = said(clip, detail.said) if detail.said else ""
    beside = LINE_CHARS - len(_MARKUP.sub(r"\1", name))
    if not more and beside >= min(LABELS_BESIDE, sum(map(len, clip.labels))):
        first = " · ".join(each for each in (name, _labels(clip, shared, detail, beside)) if each)
        return "\n".join(filter(None, (first, told)))
    about = " · ".join(each for each in (_labels(clip, shared, detail, LINE_CHARS), *more) if each)
    return "\n".join(filter(None, (name, about, told)))


def _place(clip: Clip) -> str:
    """Return what its path says of a library's clip beyond its title and its labels, empty where it says no more."""
    within = clip.source.removeprefix(f"{clip.catalogue}/") if clip.catalogue else clip.source
    path = PurePosixPath(within)
    if path.stem != clip.title:
        return within
    return "" if set(path.parent.parts) <= set(clip.labels) else f"{path.parent}/"


def of_file(clip: Clip) -> bool:
    """Return whether a clip is of a file of one's own: beside it, other catalogues may hold videos."""
    return clip.url is None or video_moment(clip.url) is None


def _labels(clip: Clip, shared: tuple[str, ...], detail: Detail, room: int) -> str:
    """Labels, those that the query has too in bold and first; as many as fit into the room, one at least."""
    mine = sorted(dict.fromkeys(clip.labels), key=lambda label: label not in shared)
    shown: list[str] = []
    for place, label in enumerate(mine[: detail.labels]):
        room -= len(label) + 2
        if room < (AND_MORE_CHARS if len(mine) > place + 1 else 0) and shown:
            break
        shown.append(bold(label, detail.label) if label in shared else plain(label, detail.label))
    more = len(mine) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
