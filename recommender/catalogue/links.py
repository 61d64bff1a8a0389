"""Where a clip plays: the links that people type for it, and those that results carry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from recommender.spelling import unspelt

YOUTUBE = "youtube"
"""Value of `links` in a catalogue's extra facts: clips are moments of YouTube videos."""
FILES = "files"
"""Value of `links` in a catalogue's extra facts: sources are paths under LIBRARY_URL."""

_VIDEO_ID = re.compile(r"[\w-]{11}", re.ASCII)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_YOUTUBE_HOSTS = {"youtube.com", "m.youtube.com", "music.youtube.com", "youtube-nocookie.com"}
_PATH_KINDS = {"embed", "shorts", "live", "v", "e"}


@dataclass(frozen=True, slots=True)
class VideoMoment:
    """A YouTube video, and the second a link points to, where it does."""

    video_id: str
    seconds: float | None


def link_of(links: str | None, library_url: str | None, source: str, start: float, end: float) -> str | None:
    """Return the address that plays a clip, None where none is known.

    links: what a catalogue's clips are, as its manifest says; library_url: address of a library's files; source, start,
    end: of the clip, in seconds.
    """
    if links == YOUTUBE:
        return f"https://youtu.be/{source}?t={int(start)}"
    if links == FILES and library_url:
        # A media fragment, which browsers play.
        return (
            f"{library_url.rstrip('/')}/{quote(unspelt(source).encode(errors='surrogateescape'))}#t={start:g},{end:g}"
        )
    return None


def video_moment(text: str) -> VideoMoment | None:
    """Read a YouTube link of any kind, also one in Slack's angle brackets; None for anything else."""
    text = text.strip().removeprefix("<").removesuffix(">").split("|")[0]
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host = (url.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    if url.scheme not in {"http", "https"}:
        return None
    fields = parse_qs(url.query)
    video_id = _video_id_of(host, url.path, fields)
    if video_id is None or not _VIDEO_ID.fullmatch(video_id):
        return None
    for field in ("t", "start", "time_continue"):
        if field in fields:
            return VideoMoment(video_id, _seconds_of(fields[field][0]))
    return VideoMoment(video_id, _seconds_of(url.fragment.removeprefix("t=")) if url.fragment else None)


def _video_id_of(host: str, path: str, fields: dict[str, list[str]]) -> str | None:
    segments = [segment for segment in path.split("/") if segment]
    if host == "youtu.be":
        return segments[0] if segments else None
    if host not in _YOUTUBE_HOSTS:
        return None
    if segments[:1] == ["watch"]:
        return fields.get("v", [None])[0]
    return segments[1] if len(segments) > 1 and segments[0] in _PATH_KINDS else None


def _seconds_of(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    hours, minutes, seconds = (float(part) if part else 0.0 for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
