"""The nearest sources of some queries, whatever the engine: candidates that it finds are ranked here, by the full
vectors, and more of them are asked for until there are enough sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from recommender.catalogue.base import TIE_DECIMALS, Hit, Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.remote.facts import RemoteFacts

SPARE = 1.25
"""How many more candidates than results are fetched: half precision orders those at the edge otherwise."""
WIDENING = 4


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a catalogue: names by number, numbers by name, and how many clips have each."""

    names: tuple[str, ...]
    numbers: Mapping[str, int]
    counts: Mapping[str, int]

    @classmethod
    def of(cls, counted: Sequence[tuple[str, int]]) -> Labels:
        """Return labels, with the number of clips of each, in the order of their numbers."""
        names = tuple(name for name, _ in counted)
        return cls(names, {name: number for number, name in enumerate(names)}, dict(counted))

    def numbers_of(self, names: Collection[str]) -> list[int]:
        """Return the numbers of those of these labels that there are."""
        return [self.numbers[name] for name in names if name in self.numbers]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates of one query, best first; fewer: there are no others."""

    hits: list[Hit]
    fewer: bool

    @classmethod
    def of(cls, query: Vectors, found: Sequence[tuple[int, str]], vectors: Vectors, fewer: bool) -> Ranked:
        """Rank candidates, each with its item and source, by their vectors (n, d); ties by item."""
        # Summed row by row, as the local catalogue does it: the same bits for the same two vectors.
        similarities = (vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((np.array([item for item, _ in found]), -np.round(similarities, TIE_DECIMALS)))
        return cls([Hit(found[row][0], found[row][1], float(similarities[row])) for row in order.tolist()], fewer)


@dataclass(slots=True)
class Searcher(ABC):
    """Searches one catalogue. scans: whether few clips are compared one by one, where the index need not be asked;
    by_label: whether the indexes of labels are asked."""

    facts: RemoteFacts
    labels: Labels
    scans: bool = field(default=True, kw_only=True)
    by_label: bool = field(default=True, kw_only=True)

    @property
    @abstractmethod
    def scanned(self) -> int:
        """So many clips are compared one by one, and the index is not asked."""

    @abstractmethod
    def near(
        self,
        queries: Sequence[Vectors],
        count: int,
        sure: int,
        *,
        chosen: Filter,
        without: Collection[str],
        depth: int | None = None,
    ) -> list[Ranked]:
        """Return at least `count` nearest clips for each query, of whatever sources, where there are so many. depth:
        how many clips the index looks at; by what was measured where None."""

    def hits(
        self,
        queries: Sequence[Vectors] | Vectors,
        count: int,
        sure: int,
        *,
        chosen: Filter,
        without: Collection[str],
        distinct: bool,
    ) -> list[list[Hit]]:
        """Return, for each query, the nearest clips of `count` sources; see `Catalogue.nearest`."""
        most = self.at_most(chosen)
        found: list[list[Hit]] = [[] for _ in queries]
        if count <= 0 or not most:
            return found
        waiting = list(range(len(queries)))
        asked, spare = min(count, most), count - sure
        while waiting:
            ranked = self.near(
                [queries[place] for place in waiting], asked, max(asked - spare, 1), chosen=chosen, without=without
            )
            still = []
            for place, near in zip(waiting, ranked, strict=True):
                first: dict[object, Hit] = {}
                for hit in near.hits:
                    first.setdefault(hit.source if distinct else hit.item, hit)
                if len(first) < count and not near.fewer:
                    still.append(place)
                else:
                    found[place] = list(first.values())[:count]
            waiting = still
            asked, spare = min(asked * WIDENING, most), 0
        return found

    def at_most(self, chosen: Filter) -> int:
        """Return a number that the clips of a filter do not exceed."""
        if not chosen.measures.issubset(self.facts.measures):
            return 0
        if not chosen.only:
            return self.facts.searchable
        groups = [sum(self.labels.counts.get(name, 0) for name in group) for group in chosen.only]
        return min(self.facts.searchable, *groups)

    def depth(self, label: str | None, rest: Filter, sure: int) -> int:
        """Return how many clips the index looks at, by what was measured; label, rest: as `own` returns them."""
        of = None if label is None else self.labels.counts[label] / self.facts.clips
        return self.facts.depth(self.share(rest), sure, of)

    def own(self, chosen: Filter) -> tuple[str | None, Filter]:
        """Return the rarest label whose own index holds all that a filter lets through, None where there is none, and
        what of the filter is left."""
        groups = [group for group in chosen.only if len(group) == 1 and group[0] in self.facts.own]
        if not groups or not self.by_label:
            return None, chosen
        rarest = min(groups, key=lambda group: self.labels.counts[group[0]])
        return rarest[0], replace(chosen, only=tuple(group for group in chosen.only if group != rarest))

    def share(self, chosen: Filter) -> float:
        """Return about which part of the clips a filter lets through: as if labels came independently of one another,
        and lengths and measures as often within bounds as not."""
        clips = self.facts.clips
        share = 0.5 ** (chosen.by_length + len(chosen.told))
        for group in chosen.only:
            share *= min(1.0, sum(self.labels.counts.get(name, 0) for name in group) / clips)
        for name in chosen.without:
            share *= 1 - self.labels.counts.get(name, 0) / clips
        return max(share, 1 / clips)
