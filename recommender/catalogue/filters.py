"""Which clips of a catalogue may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filter:
    """Clips with any label of `only`, where there is one, and none of `without`."""

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.without)

    def admits(self, labels: Sequence[str]) -> bool:
        """Say whether a clip with these labels may be shown."""
        return (not self.only or not set(self.only).isdisjoint(labels)) and set(self.without).isdisjoint(labels)


EVERYTHING = Filter()
