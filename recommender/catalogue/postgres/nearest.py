"""The nearest clips of some queries: candidates by the index, or all that a filter lets through where that is as
fast."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import sql

from recommender.catalogue.base import Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.postgres.connections import Connections, Row
from recommender.catalogue.postgres.tables import CLIP, Tables, of_label
from recommender.catalogue.remote.searching import SPARE, WIDENING, Ranked, Searcher

SCAN_CLIPS = 2_000
SCANNED_FOR_ONE = 20
"""So many clips that a filter lets through are compared in the time in which the index looks at one."""
MOST_DEPTH = 10_000
MOST_EF = 1000
"""The most that pgvector looks at before it looks at a filter; beyond, the scan goes on where it ended."""

_BY_INDEX = """
SELECT asked.place - 1, near.*
FROM (SELECT place, vector::vector::halfvec({dimension}) AS vector, set_config('hnsw.ef_search', %(ef_search)s, true)
      FROM unnest(%(queries)s::text[]) WITH ORDINALITY AS given (vector, place) OFFSET 0) AS asked
CROSS JOIN LATERAL (
    SELECT {clip} FROM (
        SELECT {clip}, embedding::halfvec({dimension}) <#> asked.vector AS apart
        FROM {clips} WHERE embedding IS NOT NULL AND {own} AND ({condition}) IS TRUE ORDER BY apart LIMIT %(wide)s
    ) AS looked_at ORDER BY apart LIMIT %(limit)s
) AS near
"""
# Beyond the most that pgvector looks at by itself it goes on for as long as more is asked for: the rest stays there.
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


@dataclass(slots=True)
class TableSearcher(Searcher):
    """Searches the tables of one catalogue. kept: takes the clips that were found, by item, as `CLIP` has them."""

    connections: Connections
    tables: Tables
    kept: Kept[int, Row]

    @property
    def scanned(self) -> int:
        """So many are compared one by one in the time that the index takes."""
        return SCAN_CLIPS

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
        most = self.at_most(chosen)
        limit = math.ceil(count * SPARE)
        label, rest = self.own(chosen)
        share = self.share(rest)
        if depth is None:
            # A filter that lets fewer through than any that was measured takes as many times more.
            rarer = max(1.0, self.facts.rarest / share)
            depth = min(math.ceil(self.depth(label, rest, sure) * rarer), MOST_DEPTH)
        wide = max(limit, math.ceil(depth * share)) if depth > MOST_EF else limit
        ranked: dict[int, Ranked] = {}
        if not self._scanned(most, limit, depth, label, rest):
            own = "true" if label is None else of_label(self.labels.numbers[label])
            ef_search = min(max(depth, limit), MOST_EF)
            rows = self._rows(_BY_INDEX, queries, limit, rest, without, wide, ef_search, own)
            ranked = _ranked(queries, rows, limit)
        # Where the index gave out before there were enough, the rest is looked for one by one.
        short = [place for place in range(len(queries)) if place not in ranked or ranked[place].fewer]
        if short:
            given = [queries[place] for place in short]
            exact = _ranked(given, self._rows(_EXACTLY, given, limit, chosen, without), limit)
            ranked.update((place, exact.get(number, Ranked([], True))) for number, place in enumerate(short))
        return [ranked[place] for place in range(len(queries))]

    def _scanned(self, most: int, limit: int, depth: int, label: str | None, rest: Filter) -> bool:
        """Say whether comparing the clips of a filter one by one is as fast as the index; rest: what the index of a
        label leaves of the filter."""
        few = most <= SCAN_CLIPS or (bool(rest) and most <= SCANNED_FOR_ONE * depth)
        return limit * WIDENING >= most or (self.scans and few and not (label and not rest))

    def _rows(
        self,
        text: str,
        queries: Sequence[Vectors],
        limit: int,
        chosen: Filter,
        without: Collection[str],
        wide: int = 0,
        ef_search: int = 0,
        own: str = "true",
    ) -> list[Row]:
        conditions: list[sql.Composable] = [sql.SQL("true")]
        written_queries = [written(query) for query in queries]
        parameters: dict[str, Any] = {
            "queries": written_queries,
            "limit": limit,
            "wide": wide,
            "ef_search": str(ef_search),
        }
        groups = [(f"only{place}", group, "labels && {}::integer[]") for place, group in enumerate(chosen.only)]
        if chosen.without:
            groups.append(("not", chosen.without, "NOT labels && {}::integer[]"))
        for name, labels, condition in groups:
            conditions.append(sql.SQL(condition).format(sql.Placeholder(name)))
            parameters[name] = self.labels.numbers_of(labels)
        if chosen.by_length:
            conditions.append(sql.SQL("lasts BETWEEN %(longer)s AND %(shorter)s"))
            parameters |= {"longer": chosen.longer, "shorter": chosen.shorter}
        for name, least, most in chosen.told:
            bounds = sql.Identifier(name), sql.Placeholder(f"least {name}"), sql.Placeholder(f"most {name}")
            conditions.append(sql.SQL("{} BETWEEN {} AND {}").format(*bounds))
            parameters |= {f"least {name}": least, f"most {name}": most}
        if without:
            conditions.append(sql.SQL("source <> ALL(%(without)s)"))
            parameters["without"] = sorted(without)
        every = sql.SQL(" AND ").join(conditions)
        statement = self.tables.sql(text, clip=sql.SQL(CLIP), own=sql.SQL(own), condition=every)
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
    return {
        place: Ranked.of(
            queries[place],
            [(row[1], row[2]) for row in found],
            read([row[3] for row in found], len(queries[place])),
            len(found) < limit,
        )
        for place, found in by_place.items()
    }
