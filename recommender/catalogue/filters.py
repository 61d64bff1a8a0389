"""Which clips of a catalogue may be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recommender.catalogue.measures import Bound, fit
from recommender.clips import Fields

OR = "|"
"""Between labels of which one is enough, where a group of them is written as one text."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clips may be shown. only: groups of labels, of each of which a clip must have one; without: labels of which
    it must have none; longer, shorter: bounds, in seconds, of the length of its source; within: names of catalogues,
    where several are searched as one; told: bounds of what its file tells in numbers."""

    only: tuple[tuple[str, ...], ...] = ()
    without: tuple[str, ...] = ()
    longer: float = 0.0
    shorter: float = math.inf
    within: tuple[str, ...] = ()
    told: tuple[Bound, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.without or self.by_length or self.within or self.told)

    @property
    def by_length(self) -> bool:
        """Whether the length of sources counts."""
        return self.longer > 0 or self.shorter < math.inf

    @property
    def measures(self) -> frozenset[str]:
        """What a file must tell in numbers."""
        return frozenset(name for name, _, _ in self.told)

    def admits(self, labels: Sequence[str], seconds: float, fields: Fields = ()) -> bool:
        """Say whether a clip with these labels and fields, of a source that lasts so long, may be shown."""
        return (
            all(not set(group).isdisjoint(labels) for group in self.only)
            and set(self.without).isdisjoint(labels)
            and self.longer <= seconds <= self.shorter
            and fit(self.told, fields)
        )


EVERYTHING = Filter()
