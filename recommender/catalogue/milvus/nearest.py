"""The nearest clips of some queries: candidates by the index, or all that a filter lets through where they are few."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recommender.catalogue.base import Hit, Vectors
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.milvus.cluster import Cluster, Missing
from recommender.catalogue.milvus.rows import MOST_ROWS, SHOWN, UNTOLD, VECTOR, partitions
from recommender.catalogue.remote.away import unavailable
from recommender.catalogue.remote.searching import WIDENING, Ranked, Searcher
from recommender.clips import Clip

COMPARED_SHARE = 0.07
"""Where a filter lets no more through, Milvus itself compares them one by one (Knowhere's HNSW; seen with 2.3.5: all of
ten were found at any depth)."""
MOST_SCANNED = MOST_ROWS
"""Where the index gave out before there were enough, at most so many are compared one by one."""
LEAST_EF = 256
"""With a filter that no measured label stands for: .95 of ten came with 64, .99 with 256, for a millisecond more."""
PAGE = 4_000
FLOAT32_DECIMALS = 6
"""Milvus' cosines are sums of float32, which err by 1e-7: what is equal in so many places stands by items."""
NO_CONSISTENCY = "Eventually"
"""What is searched never changes: there is nothing to wait for."""

Row = dict[str, Any]


@dataclass(slots=True)
class CollectionSearcher(Searcher):
    """Searches the collection of one catalogue. clip_of: returns the clip of a row that was found, and keeps it."""

    cluster: Cluster
    collection: str
    clip_of: Callable[[Row], Clip]

    @property
    def scanned(self) -> int:
        """So many are compared one by one."""
        return int(COMPARED_SHARE * self.facts.searchable)

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
        """Return at least `count` nearest clips for each query, of whatever sources and but for those left out, where
        there are so many."""
        most = self.at_most(chosen)
        # Sources to be left out are dropped here: a filter would have Milvus compare the source of each clip.
        beside = math.ceil(len(without) * max(1.0, self.facts.clips / max(self.facts.sources, 1)))
        limit = min(count + beside, MOST_ROWS)
        label, rest = self.own(chosen)
        if self.by_label:
            rest = replace(rest, without=tuple(name for name in rest.without if name not in self.facts.own))
        expression, places = self.expression(rest), self.partitions(chosen)
        if depth is None:
            depth = max(self.depth(label, rest, sure), LEAST_EF if rest else 0)
        # Milvus builds with several threads, and now and then no way through its graph leads to one clip in a hundred:
        # of few clips, those that had to be looked at nearly all are compared one by one.
        scanned = self.scanned < most <= MOST_SCANNED
        if scanned and max(limit, depth) * WIDENING >= most:
            return self._scanned(queries, self.expression(chosen), without)
        ranked = self._searched(queries, expression, places, limit, max(depth, limit), without)
        short = [place for place, near in enumerate(ranked) if near.fewer]
        if scanned and short:
            whole = self._scanned([queries[place] for place in short], self.expression(chosen), without)
            for place, near in zip(short, whole, strict=True):
                ranked[place] = near
        if limit >= min(most, MOST_ROWS):
            # There are no more, or no way to ask for them.
            ranked = [Ranked(near.hits, True) for near in ranked]
        return ranked

    def partitions(self, chosen: Filter = EVERYTHING) -> list[str]:
        """Return the partitions that hold what a filter lets through."""
        own = self.facts.own
        if not self.by_label:
            return partitions(own)
        only = [group[0] for group in chosen.only if len(group) == 1 and group[0] in own]
        without = [name for name in chosen.without if name in own]
        return partitions(own, only, without)

    def expression(self, chosen: Filter) -> str:
        """Return a filter as Milvus reads it, the empty text for none."""
        parts = [f"array_contains_any(labels, {self.labels.numbers_of(group)})" for group in chosen.only]
        if chosen.without:
            parts.append(f"not array_contains_any(labels, {self.labels.numbers_of(chosen.without)})")
        if chosen.longer > 0:
            parts.append(f"lasts >= {float(chosen.longer)!r}")
        if chosen.shorter < math.inf:
            parts.append(f"lasts <= {float(chosen.shorter)!r}")
        for name, least, most in chosen.told:
            # What is not told lies below any bound.
            parts.append(f"{name} >= {max(float(least), UNTOLD / 2)!r}")
            if most < math.inf:
                parts.append(f"{name} <= {float(most)!r}")
        return " and ".join(parts)

    def rows(self, expression: str, fields: Sequence[str], **options: Any) -> list[Row]:
        """Return the rows of an expression, each with its item; raises `CatalogueUnavailable`, `CatalogueDamaged`."""
        options = {"limit": MOST_ROWS, "consistency_level": NO_CONSISTENCY, **options}
        found = self._asked("query", filter=expression, output_fields=["item", *fields], **options)
        return [dict(row) for row in found]

    def paged(self, first: int, stop: int, fields: Sequence[str], condition: str = "") -> Iterable[list[Row]]:
        """Return rows by items, page by page."""
        for start in range(first, stop, PAGE):
            within = f"item >= {start} and item < {min(start + PAGE, stop)}"
            yield self.rows(f"{within} and {condition}" if condition else within, fields)

    def _searched(
        self,
        queries: Sequence[Vectors],
        expression: str,
        places: Sequence[str],
        limit: int,
        ef: int,
        without: Collection[str],
    ) -> list[Ranked]:
        found = self._asked(
            "search",
            data=[query.tolist() for query in queries],
            filter=expression,
            limit=limit,
            output_fields=[SHOWN],
            search_params={"metric_type": "IP", "params": {"ef": ef}},
            partition_names=places,
            consistency_level=NO_CONSISTENCY,
        )
        ranked = []
        for hits in found:
            clips = [(self.clip_of({"item": hit["id"], **hit["entity"]}), hit["distance"]) for hit in hits]
            shown = [Hit(clip.item, clip.source, float(cosine)) for clip, cosine in clips if clip.source not in without]
            shown.sort(key=lambda hit: (-round(hit.similarity, FLOAT32_DECIMALS), hit.item))
            ranked.append(Ranked(shown, len(hits) < limit))
        return ranked

    def _scanned(self, queries: Sequence[Vectors], expression: str, without: Collection[str]) -> list[Ranked]:
        """Compare all that a filter lets through."""
        fields = [SHOWN, VECTOR]
        pages = (
            self.paged(0, self.facts.clips, fields, expression)
            if self.facts.clips <= MOST_SCANNED
            else [self.rows(expression, fields, partition_names=self.partitions())]
        )
        rows = [(self.clip_of(row), row[VECTOR]) for page in pages for row in page]
        there = [(clip, vector) for clip, vector in rows if clip.source not in without and any(vector)]
        if not there:
            return [Ranked([], True) for _ in queries]
        found, vectors = [(clip.item, clip.source) for clip, _ in there], np.array([v for _, v in there], np.float32)
        return [Ranked.of(query, found, vectors, True) for query in queries]

    def _asked(self, method: str, **named: Any) -> Any:
        try:
            return self.cluster.ask(method, self.collection, **named)
        except Missing as error:
            raise unavailable("it was replaced while it was asked") from error


def quoted(text: str) -> str:
    """Return a text as it stands in an expression."""
    return json.dumps(text, ensure_ascii=False)
