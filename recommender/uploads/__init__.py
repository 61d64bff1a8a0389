"""Uploads: audio that people bring, known by its hash and remembered by its embedding alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recommender.audio.preparation import PLAIN
from recommender.embedders import Frames
from recommender.vectors import Window, windows

_TERM = re.compile(r"audio:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Upload:
    """An audio file that was embedded. sha256: of the file's bytes, hex; seconds: length of its audio.

    preparation: what was done to it before. cuts: its windows, with their rows among the frames; by the rows' places in
    time where None.
    """

    sha256: str
    seconds: float
    frames: Frames
    preparation: str = PLAIN
    cuts: tuple[Window, ...] | None = None

    @property
    def windows(self) -> Sequence[Window]:
        """The parts that are compared."""
        if self.cuts is not None:
            return self.cuts
        return windows(len(self.frames.vectors), self.frames.hop, self.seconds)

    @property
    def query(self) -> str:
        """The term that names this upload in a query, for as long as the cache remembers it."""
        return f"audio:{self.sha256}"


def sha256_of_term(text: str) -> str | None:
    """Return the hash of the upload that a term names, None where it names none."""
    match = _TERM.fullmatch(text)
    return match.group(1) if match else None
