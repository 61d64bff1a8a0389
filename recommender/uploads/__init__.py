"""Uploads: audio that people bring, known by its hash and remembered by its embedding alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recommender.embedders import Frames

_TERM = re.compile(r"audio:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Upload:
    """An audio file that was embedded. sha256: of the file's bytes, hex; seconds: length of its audio."""

    sha256: str
    seconds: float
    frames: Frames

    @property
    def query(self) -> str:
        """The term that names this upload in a query, for as long as the cache remembers it."""
        return f"audio:{self.sha256}"


def sha256_of_term(text: str) -> str | None:
    """Return the hash of the upload that a term names, None where it names none."""
    match = _TERM.fullmatch(text)
    return match.group(1) if match else None
