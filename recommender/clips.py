"""The clip: what a catalogue holds and a result shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of audio that can be recommended.

    item: row number in the catalogue; source: what the clip was cut from; start and end in seconds;
    title: what people are shown; url: plays the clip at its start, where it can be played at all.
    """

    item: int
    clip_id: str
    source: str
    start: float
    end: float
    labels: tuple[str, ...]
    title: str
    url: str | None
