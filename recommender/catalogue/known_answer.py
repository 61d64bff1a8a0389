"""What an index must answer: kept when a catalogue is built or pushed, asked again when it is opened.

The child process that asks a folder's index reads this too: nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SHARE_FOUND = 0.9
"""Part of what the index found when it was built that must come back: other processors round differently."""
SIMILARITY_ERROR = 1e-3
"""How far a similarity may be off: float32 on another processor errs by less than 1e-5."""


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A query by item with its exact nearest items and their similarities, the item itself left out; found: how many of
    them the index gave when it was built; listed: how many of them its list of neighbours holds."""

    item: int
    clip_id: str
    items: tuple[int, ...]
    similarities: tuple[float, ...]
    found: int
    listed: int = 0

    @classmethod
    def from_json(cls, data: Any) -> KnownAnswer:
        """Read one that was written; raises KeyError, TypeError or ValueError. Those of 0.1 say nothing of `found`."""
        items, similarities = tuple(map(int, data["items"])), tuple(map(float, data["similarities"]))
        counts = int(data.get("found", len(items))), int(data.get("listed", 0))
        return cls(int(data["item"]), str(data["clip_id"]), items, similarities, *counts)


def in_common(some: Sequence[float], others: Sequence[float]) -> int:
    """Count the similarities that two lists, each with the best first, have in common."""
    common = place = 0
    for similarity in some:
        while place < len(others) and others[place] > similarity + SIMILARITY_ERROR:
            place += 1
        if place < len(others) and abs(others[place] - similarity) <= SIMILARITY_ERROR:
            common += 1
            place += 1
    return common
