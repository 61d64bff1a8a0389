"""The nearest clips of some queries: candidates by the index, or all that a filter lets through where they are few."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.catalogue.base import Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.milvus.cluster import Cluster, Missing
from recommender.catalogue.milvus.rows import CLIP, CLIPS, MOST_ROWS
from recommender.catalogue.remote.away import unavailable
from recommender.catalogue.remote.searching import SPARE, WIDENING, Ranked, Searcher

SCAN_CLIPS = 1_000
"""So many are read and compared one by one in the time that two questions take."""
MOST_SCANNED = MOST_ROWS
"""Where the index gave out before there were enough, at most so many are compared one by one."""
LEAST_EF = 256
"""With a filter that no measured label stands for: .95 of ten came with 64, .99 with 256, for a millisecond more."""
PAGE = 4_000
NO_CONSISTENCY = "Eventually"
"""What is searched never changes: there is nothing to wait for."""

Row = dict[str, Any]


@dataclass(slots=True)
class CollectionSearcher(Searcher):
    """Searches the collection of one catalogue. kept: takes the clips that were found, by item."""

    cluster: Cluster
    collection: str
    kept: Kept[int, Row]

    scanned = SCAN_CLIPS

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
        limit = min(math.ceil(count * SPARE) + beside, MOST_ROWS)
        expression = self.expression(chosen)
        if self.scans and most <= SCAN_CLIPS:
            return self._scanned(queries, expression, without)
        if depth is None:
            depth = max(self.facts.depth(self.share(chosen), sure), LEAST_EF if chosen else 0)
        # Milvus builds with several threads, and now and then no way through its graph leads to one clip in a hundred:
        # of few clips, those that had to be looked at nearly all are compared one by one.
        if max(limit, depth) * WIDENING >= most and most <= MOST_SCANNED:
            return self._scanned(queries, expression, without)
        found = self._searched(queries, expression, limit, max(depth, limit))
        ranked = [
            self._ranked(query, rows, len(rows) < limit, without) for query, rows in zip(queries, found, strict=True)
        ]
        short = [place for place, near in enumerate(ranked) if near.fewer]
        if short and most <= MOST_SCANNED:
            whole = self._scanned([queries[place] for place in short], expression, without)
            for place, near in zip(short, whole, strict=True):
                ranked[place] = near
        if limit == MOST_ROWS:
            # There is no way to ask for more.
            ranked = [Ranked(near.hits, True) for near in ranked]
        return ranked

    def expression(self, chosen: Filter) -> str:
        """Return a filter as Milvus reads it, the empty text for none."""
        parts = [f"array_contains_any(labels, {self.labels.numbers_of(group)})" for group in chosen.only]
        if chosen.without:
            parts.append(f"not array_contains_any(labels, {self.labels.numbers_of(chosen.without)})")
        if chosen.longer > 0:
            parts.append(f"lasts >= {float(chosen.longer)!r}")
        if chosen.shorter < math.inf:
            parts.append(f"lasts <= {float(chosen.shorter)!r}")
        return " and ".join(parts)

    def rows(self, expression: str, fields: Sequence[str] = CLIP, **options: Any) -> list[Row]:
        """Return the rows of an expression, each with its item; raises `CatalogueUnavailable`, `CatalogueDamaged`."""
        options = {"limit": MOST_ROWS, "consistency_level": NO_CONSISTENCY, **options}
        found = self._asked("query", filter=expression, output_fields=["item", *fields], **options)
        rows: list[Row] = [dict(row) for row in found]
        if fields is CLIP:
            for row in rows:
                self.kept.keep(row["item"], row)
        return rows

    def paged(self, first: int, stop: int, fields: Sequence[str], condition: str = "") -> Iterable[list[Row]]:
        """Return rows by items, page by page."""
        for start in range(first, stop, PAGE):
            within = f"item >= {start} and item < {min(start + PAGE, stop)}"
            yield self.rows(f"{within} and {condition}" if condition else within, fields)

    def _searched(self, queries: Sequence[Vectors], expression: str, limit: int, ef: int) -> list[list[Row]]:
        found = self._asked(
            "search",
            data=[query.tolist() for query in queries],
            filter=expression,
            limit=limit,
            output_fields=CLIP,
            search_params={"metric_type": "IP", "params": {"ef": ef}},
            partition_names=[CLIPS],
            consistency_level=NO_CONSISTENCY,
        )
        rows: list[list[Row]] = [[{"item": hit["id"], **hit["entity"]} for hit in hits] for hits in found]
        for some in rows:
            for row in some:
                self.kept.keep(row["item"], row)
        return rows

    def _scanned(self, queries: Sequence[Vectors], expression: str, without: Collection[str]) -> list[Ranked]:
        """Compare all that a filter lets through."""
        pages = (
            self.paged(0, self.facts.clips, CLIP, expression)
            if self.facts.clips <= MOST_SCANNED
            else [self.rows(expression, partition_names=[CLIPS])]
        )
        rows = [row for page in pages for row in page]
        there = [row for row in rows if any(row["vector"])]
        return [self._ranked(query, there, True, without) for query in queries]

    def _ranked(self, query: Vectors, rows: Sequence[Row], fewer: bool, without: Collection[str]) -> Ranked:
        shown = [row for row in rows if row["source"] not in without]
        if not shown:
            return Ranked([], fewer)
        vectors = np.array([row["vector"] for row in shown], np.float32)
        return Ranked.of(query, [(row["item"], row["source"]) for row in shown], vectors, fewer)

    def _asked(self, method: str, **named: Any) -> Any:
        try:
            return self.cluster.ask(method, self.collection, **named)
        except Missing as error:
            raise unavailable("it was replaced while it was asked") from error


def quoted(text: str) -> str:
    """Return a text as it stands in an expression."""
    return json.dumps(text, ensure_ascii=False)
