"""The tables of a schema: `added`, and `catalogues`, of which one is current.

Each catalogue has its own table of clips and of labels, with its id in their names: a reader never sees two at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql

from recommender.catalogue.measures import MEASURES

FORMAT = 2
OLDEST_PGVECTOR = (0, 8)
"""The first with iterative scans, without which a filter leaves too few results."""
MOST_DIMENSIONS = 4000
"""What an HNSW index of halfvec takes."""

ROOT = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS {catalogues} (
    id text PRIMARY KEY, format integer NOT NULL, facts text NOT NULL, projection bytea,
    vocabulary bytea,
    loaded bigint NOT NULL DEFAULT 0, current boolean NOT NULL DEFAULT false, taken_up timestamptz
);
CREATE TABLE IF NOT EXISTS {added} (
    number bigserial PRIMARY KEY, path text NOT NULL, first bigint NOT NULL, windows integer NOT NULL,
    entry text NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS catalogues_current ON {catalogues} (current) WHERE current;
"""
CATALOGUE = """
CREATE TABLE {labels} (label integer PRIMARY KEY, name text NOT NULL, clips bigint NOT NULL);
CREATE TABLE {clips} (
    item integer NOT NULL, start float8 NOT NULL, "end" float8 NOT NULL, lasts float8 NOT NULL, length float8,
    clip_id text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL,
    labels integer[] NOT NULL, title text, url text, fields text, loudness float8, tempo float8, key float8,
    embedding vector({dimension})
);
CREATE TABLE {names} (number integer PRIMARY KEY, block bytea NOT NULL);
ALTER TABLE {names} ALTER COLUMN block SET STORAGE EXTERNAL;
ALTER TABLE {clips} ALTER COLUMN embedding SET STORAGE MAIN;
"""
LASTS = """
UPDATE {clips} AS clips SET lasts = whole.seconds
FROM (SELECT source, max("end") - min(start) AS seconds FROM {clips} GROUP BY source HAVING count(*) > 1) AS whole
WHERE clips.source = whole.source AND clips.lasts <> whole.seconds
"""
"""How long a source lasts is known within a block of clips: this mends those that lie in several."""
COPIED = (
    "item",
    "start",
    "end",
    "lasts",
    "length",
    "clip_id",
    "source",
    "labels",
    "title",
    "url",
    "fields",
    *MEASURES,
    "embedding",
)
CLIP = 'item, source, embedding, clip_id, start, "end", labels, title, url, fields'
"""What is read of a clip that may be shown, in this order."""
INDEXES = {
    "item": "CREATE UNIQUE INDEX {index} ON {clips} (item)",
    "clip_id": "CREATE UNIQUE INDEX {index} ON {clips} (clip_id)",
    "source": "CREATE INDEX {index} ON {clips} (source)",
    "labels": "CREATE INDEX {index} ON {clips} USING gin (labels) WITH (fastupdate = off)",
    **{name: f"CREATE INDEX {{index}} ON {{clips}} ({name}) WHERE {name} IS NOT NULL" for name in MEASURES},
    "hnsw": "CREATE INDEX {index} ON {clips} USING hnsw ((embedding::halfvec({dimension})) halfvec_ip_ops) "
    "WITH (m = {m}, ef_construction = {ef_construction})",
}


def of_label(number: int) -> str:
    """Return the condition of a label's own index, in the same words in the index and in a question: IS TRUE keeps the
    index of labels out of a plan that is to go through it."""
    return f"(labels && ARRAY[{number}]) IS TRUE"


def indexes(own: Iterable[int]) -> dict[str, str]:
    """Return what makes all indexes, by their names; own: the numbers of labels that have one of their own."""
    return {**INDEXES, **{f"hnsw_{number}": f"{INDEXES['hnsw']} WHERE {of_label(number)}" for number in own}}


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one catalogue; id: the empty text for those of the schema alone."""

    schema: str
    id: str = ""
    dimension: int = 0

    def sql(self, text: str, **more: sql.Composable) -> sql.Composed:
        """Fill the names of tables into a statement, which is always this package's own text."""
        return sql.SQL(text).format(
            schema=sql.Identifier(self.schema),
            catalogues=sql.Identifier(self.schema, "catalogues"),
            added=sql.Identifier(self.schema, "added"),
            clips=sql.Identifier(self.schema, f"clips_{self.id}"),
            names=sql.Identifier(self.schema, f"names_{self.id}"),
            labels=sql.Identifier(self.schema, f"labels_{self.id}"),
            dimension=sql.Literal(self.dimension),
            **more,
        )

    def index(self, name: str) -> str:
        """Return the name of an index of the table of clips."""
        return f"clips_{self.id}_{name}"
