"""The nearest sources of a query: by the index, widened until there are enough, or by a scan where that is as fast."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Hit, Items, Vectors
from recommender.catalogue.exact import Neighbours, nearest
from recommender.catalogue.filters import Filter
from recommender.catalogue.local.clip_table import ClipTable
from recommender.catalogue.local.finder import Finder
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.recall import setting_for

SCAN_VALUES = 5_000_000
"""Comparing this much (39,000 vectors of 128 dimensions) takes a millisecond or two, as the index does, exactly."""
SCANNED_FOR_A_NODE = 2
"""Where there are lists, a filter's clips are all compared where that takes no longer than the index's nodes and the
lists that are looked up for them: 0.2 µs for a clip, 0.8 µs for a node (500,000 clips, 128 dimensions)."""
SLACK = 1.5
"""How many more clips than expected are asked for where a filter lets only some through."""
WIDENING = 4

Allowed = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Searcher:
    """What was built of a catalogue, mapped."""

    manifest: Manifest
    table: ClipTable
    finder: Finder

    @property
    def vectors(self) -> Vectors:
        """The vectors of all items."""
        return self.finder.vectors

    def allowed(self, chosen: Filter) -> Allowed | None:
        """Return one truth value per item; None where all are allowed."""
        if not chosen:
            return None
        mask = np.ones(len(self.vectors), np.bool_)
        for group in chosen.only:
            mask &= self._mask([self.table.items_with(name) for name in group])
        for name in chosen.without:
            mask[self.table.items_with(name)] = False
        if chosen.by_length:
            mask &= self._mask([self.table.items_lasting(chosen)])
        for bound in chosen.told:
            mask &= self._mask([self.table.items_told(bound)])
        return mask

    def items_of(self, sources: Collection[str]) -> Items:
        """Return the items of these sources."""
        items = [item for source in sources for item, _, _ in self.table.items_of_source(source)]
        return np.array(items, np.int64)

    def hits(
        self,
        query: Vectors,
        count: int,
        sure: int,
        *,
        allowed: Allowed | None,
        own: Items,
        without: Collection[str],
        distinct: bool,
    ) -> list[Hit]:
        """Return the nearest clips of `count` sources. own: the items of the sources in `without`, left out."""
        most = len(self.vectors) if allowed is None else int(np.count_nonzero(allowed))
        asked = min(count + len(own), most)
        # What is known to be left out needs no recall of its own.
        spare = count - sure + len(own)
        while True:
            found = self._near(query, asked, max(asked - spare, 1), most, allowed).without(own)
            items = found.items.tolist()
            first: dict[object, Hit] = {}
            for hit in map(Hit, items, self.table.sources(items), found.similarities.tolist()):
                if hit.source not in without:
                    first.setdefault(hit.source if distinct else hit.item, hit)
            if len(first) >= count or asked >= most:
                return list(first.values())[:count]
            asked, spare = min(asked * WIDENING, most), 0

    def _mask(self, lists: Sequence[Items]) -> Allowed:
        mask = np.zeros(len(self.vectors), np.bool_)
        for items in lists:
            mask[items] = True
        return mask

    def _near(self, query: Vectors, count: int, sure: int, most: int, allowed: Allowed | None) -> Neighbours:
        """Find the nearest allowed clips: by the index, or by scanning them where that is as fast."""
        if count <= 0 or not most:
            return Neighbours(np.empty(0, np.int64), np.empty(0))
        total = len(self.vectors)
        if allowed is not None and self.finder.lists is not None:
            setting = setting_for(self.manifest.calibration, sure)
            few = SCANNED_FOR_A_NODE * self.finder.nodes_for(setting, most / total)
            if few < most and (found := self.finder.nearest_of(query, count, setting, allowed)) is not None:
                return found
            return nearest(self.vectors, query, count, np.flatnonzero(allowed), self.table.unsearchable)
        times = 1 if most == total else SLACK * total / most
        wide, surely = (int(n * times) + (times > 1) for n in (count, sure))
        setting = setting_for(self.manifest.calibration, surely)
        if most <= max(SCAN_VALUES // self.manifest.dimension, setting.search_k) or wide >= total:
            among = None if allowed is None else np.flatnonzero(allowed)
            return nearest(self.vectors, query, count, among, self.table.unsearchable)
        found = self.finder.nearest(query, wide, setting)
        if allowed is not None:
            keep = allowed[found.items]
            found = Neighbours(found.items[keep], found.similarities[keep])
        return found.first(count)
