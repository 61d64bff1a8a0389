"""The nearest sources of some queries: candidates by the index, or all that a filter lets through where that is as
fast; ranked here, by the full vectors."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import sql

from recommender.catalogue.base import Hit, Vectors
from recommender.catalogue.exact import TIE_DECIMALS
from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.postgres.connections import Connections, Row
from recommender.catalogue.postgres.facts import PostgresFacts
from recommender.catalogue.postgres.tables import CLIP, Tables

SCAN_CLIPS = 2_000
"""So many are compared one by one in the time that the index takes."""
SCANNED_FOR_ONE = 20
"""So many clips that a filter lets through are compared in the time in which the index looks at one."""
SPARE = 1.25
"""How many more candidates than results are fetched: half precision orders those at the edge otherwise."""
MOST_EF = 1000
"""The most that pgvector looks at before it looks at a filter; beyond, the scan goes on where it ended."""
WIDENING = 4

_BY_INDEX = """
SELECT asked.place - 1, near.*
FROM (SELECT place, vector::vector::halfvec({dimension}) AS vector, set_config('hnsw.ef_search', %(ef_search)s, false)
      FROM unnest(%(queries)s::text[]) WITH ORDINALITY AS given (vector, place) OFFSET 0) AS asked
CROSS JOIN LATERAL (
    SELECT {clip} FROM {clips} WHERE embedding IS NOT NULL AND ({condition}) IS TRUE
    ORDER BY embedding::halfvec({dimension}) <#> asked.vector LIMIT %(limit)s
) AS near
"""
# IS TRUE keeps the index of labels out of a plan that is to go through the vectors' own.
_EXACTLY = """
SELECT asked.place - 1, near.*
FROM (SELECT place, vector::vector({dimension}) AS vector FROM unnest(%(queries)s::text[])
      WITH ORDINALITY AS given (vector, place) OFFSET 0) AS asked
CROSS JOIN LATERAL (
    SELECT {clip} FROM {clips} WHERE embedding IS NOT NULL AND {condition}
    ORDER BY embedding <#> asked.vector, item LIMIT %(limit)s
) AS near
"""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a catalogue: names by number, numbers by name, and how many clips have each."""

    names: tuple[str, ...]
    numbers: Mapping[str, int]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates of one query, best first; fewer: there are no others."""

    hits: list[Hit]
    fewer: bool


@dataclass(frozen=True, slots=True)
class Searcher:
    """Searches the tables of one catalogue. kept: takes the clips that were found, by item, as `CLIP` has them;
    scans: whether few clips are compared one by one, where the index need not be asked."""

    connections: Connections
    tables: Tables
    facts: PostgresFacts
    labels: Labels
    kept: Kept[int, Row]
    scans: bool = True

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
        most = self._at_most(chosen)
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
        most = self._at_most(chosen)
        limit = math.ceil(count * SPARE)
        share = self._share(chosen)
        if depth is None:
            depth = self.facts.depth(share, sure)
        if depth > MOST_EF:
            limit = max(limit, math.ceil(depth * share))
        ranked: dict[int, Ranked] = {}
        if not self._scanned(most, limit, depth, chosen):
            rows = self._rows(_BY_INDEX, queries, limit, chosen, without, min(max(depth, limit), MOST_EF))
            ranked = _ranked(queries, rows, limit)
        # Where the index gave out before there were enough, the rest is looked for one by one.
        short = [place for place in range(len(queries)) if place not in ranked or ranked[place].fewer]
        if short:
            given = [queries[place] for place in short]
            exact = _ranked(given, self._rows(_EXACTLY, given, limit, chosen, without, None), limit)
            ranked.update((place, exact.get(number, Ranked([], True))) for number, place in enumerate(short))
        return [ranked[place] for place in range(len(queries))]

    def _at_most(self, chosen: Filter) -> int:
        """Return a number that the clips of a filter do not exceed."""
        if not chosen.only:
            return self.facts.searchable
        groups = [sum(self.labels.counts.get(name, 0) for name in group) for group in chosen.only]
        return min(self.facts.searchable, *groups)

    def _scanned(self, most: int, limit: int, depth: int, chosen: Filter) -> bool:
        """Say whether comparing the clips of a filter one by one is as fast as the index."""
        if limit * WIDENING >= most:
            return True
        few = most <= SCAN_CLIPS or (bool(chosen) and most <= SCANNED_FOR_ONE * depth)
        return self.scans and few

    def _share(self, chosen: Filter) -> float:
        """Return about which part of the clips a filter lets through: as if labels came independently of one another,
        and lengths as often within bounds as not."""
        clips = self.facts.clips
        share = 0.5 if chosen.by_length else 1.0
        for group in chosen.only:
            share *= min(1.0, sum(self.labels.counts.get(name, 0) for name in group) / clips)
        for name in chosen.without:
            share *= 1 - self.labels.counts.get(name, 0) / clips
        return max(share, 1 / clips)

    def _rows(
        self,
        text: str,
        queries: Sequence[Vectors],
        limit: int,
        chosen: Filter,
        without: Collection[str],
        ef_search: int | None,
    ) -> list[Row]:
        conditions: list[sql.Composable] = [sql.SQL("true")]
        written_queries = [written(query) for query in queries]
        parameters: dict[str, Any] = {"queries": written_queries, "limit": limit, "ef_search": str(ef_search)}
        groups = [(f"only{place}", group, "labels && {}::integer[]") for place, group in enumerate(chosen.only)]
        if chosen.without:
            groups.append(("not", chosen.without, "NOT labels && {}::integer[]"))
        for name, labels, condition in groups:
            conditions.append(sql.SQL(condition).format(sql.Placeholder(name)))
            parameters[name] = [self.labels.numbers[label] for label in labels if label in self.labels.numbers]
        if chosen.by_length:
            conditions.append(sql.SQL("lasts BETWEEN %(longer)s AND %(shorter)s"))
            parameters |= {"longer": chosen.longer, "shorter": chosen.shorter}
        if without:
            conditions.append(sql.SQL("source <> ALL(%(without)s)"))
            parameters["without"] = sorted(without)
        statement = self.tables.sql(text, clip=sql.SQL(CLIP), condition=sql.SQL(" AND ").join(conditions))
        rows = self.connections.rows(statement, parameters, binary=True)
        for row in rows:
            self.kept.keep(row[1], row[1:])
        return rows


def written(vector: Vectors) -> str:
    """Return a vector as PostgreSQL reads it."""
    return str(vector.tolist())


def read(embeddings: Sequence[bytes], dimension: int) -> Vectors:
    """Return vectors out of their binary form: two bytes for the dimension, two unused, and big-endian floats."""
    rows: Vectors = np.frombuffer(b"".join(embeddings), ">f4").reshape(-1, dimension + 1)[:, 1:].astype(np.float32)
    return rows


def _ranked(queries: Sequence[Vectors], rows: Sequence[Row], limit: int) -> dict[int, Ranked]:
    by_place: dict[int, list[Row]] = {}
    for row in rows:
        by_place.setdefault(row[0], []).append(row)
    ranked = {}
    for place, found in by_place.items():
        vectors = read([row[3] for row in found], len(queries[place])).astype(np.float64)
        # Summed row by row, as the local catalogue does it: the same bits for the same two vectors.
        similarities = (vectors * queries[place].astype(np.float64)).sum(axis=1)
        items = np.array([row[1] for row in found])
        order = np.lexsort((items, -np.round(similarities, TIE_DECIMALS)))
        hits = [Hit(found[row][1], found[row][2], float(similarities[row])) for row in order.tolist()]
        ranked[place] = Ranked(hits, len(found) < limit)
    return ranked
