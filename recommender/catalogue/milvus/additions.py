"""What was added to the catalogues of an alias since they were built: a collection beside them, which outlasts a
push."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pymilvus import DataType, MilvusClient

from recommender.catalogue.base import Addition, Facts
from recommender.catalogue.growing import entry_of
from recommender.catalogue.milvus.cluster import Cluster, Missing
from recommender.catalogue.milvus.nearest import NO_CONSISTENCY
from recommender.catalogue.milvus.rows import LONGEST_TEXT, MOST_ROWS, chunks
from recommender.errors import CannotWrite, CatalogueError

PAGE = 500
MOST_PARTS = 1000
_DIGITS = 12
"""Of an addition's sha256, which are the number of its first window: Milvus has no counter that two processes could
share. Of 280 trillion numbers, two of 100,000 additions share one in 50,000 cases; times `MOST_PARTS` they fit a row's
number."""


def prepare(cluster: Cluster) -> None:
    """Make the collection where there is none."""
    name = cluster.address.added
    if cluster.ask("has_collection", name):
        return
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    for field in ("id", "at"):
        schema.add_field(field, DataType.INT64, is_primary=field == "id")
    for field in ("path", "text"):
        schema.add_field(field, DataType.VARCHAR, max_length=LONGEST_TEXT)
    # Milvus has no collection without.
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = MilvusClient.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    cluster.ask("create_collection", name, schema=schema, index_params=index, num_shards=1, limited=False)


def append(cluster: Cluster, addition: Addition, facts: Facts) -> None:
    """Write down an addition; raises `CannotWrite`."""
    first = int(addition.sha256[:_DIGITS], 16)
    text, at = json.dumps(entry_of(addition, facts, first)), time.time_ns()
    rows = [
        {"id": first * MOST_PARTS + part, "at": at, "path": addition.source, "text": chunk, "vector": [0.0, 0.0]}
        for part, chunk in chunks(text)
    ]
    try:
        if len(rows) > MOST_PARTS:
            raise CannotWrite("The sound is too long to be added: cut it into parts.")
        cluster.ask("upsert", cluster.address.added, data=rows)
        # Wait until it can be read.
        _rows(cluster, f"id == {rows[-1]['id']}", ["id"], "Strong")
    except (CatalogueError, Missing) as error:
        raise CannotWrite(
            "The sound cannot be added: the catalogue's database does not take it. Try again in a minute; the log "
            "tells the operator more."
        ) from error


def ids(cluster: Cluster) -> list[int]:
    """Return the numbers of all rows, which change with each addition."""
    try:
        return sorted(row["id"] for row in _all(cluster, ["id"], NO_CONSISTENCY))
    except Missing:
        return []


def entries(cluster: Cluster) -> list[Mapping[str, Any]]:
    """Return all entries, in the order in which they came."""
    found: dict[tuple[int, int], dict[int, str]] = {}
    for row in _all(cluster, ["id", "at", "text"], NO_CONSISTENCY, PAGE):
        number, part = divmod(row["id"], MOST_PARTS)
        found.setdefault((row["at"], number), {})[part] = row["text"]
    return [json.loads("".join(parts[part] for part in sorted(parts))) for _, parts in sorted(found.items())]


def prune(cluster: Cluster, held: Sequence[str]) -> None:
    """Forget what was added under these paths."""
    wanted = set(held)
    gone = [row["id"] for row in _all(cluster, ["id", "path"], "Strong") if row["path"] in wanted]
    if gone:
        cluster.ask("delete", cluster.address.added, ids=gone)


def paths(cluster: Cluster) -> list[str]:
    """Return the paths of all that was added."""
    return sorted({row["path"] for row in _all(cluster, ["id", "path"], "Strong")})


def _all(cluster: Cluster, fields: list[str], consistency: str, page: int = MOST_ROWS) -> Iterator[Any]:
    """Return all rows, page by page: Milvus returns those with the smallest numbers where there are more."""
    last = -1
    while True:
        rows = _rows(cluster, f"id > {last}", fields, consistency, limit=page)
        yield from rows
        if len(rows) < page:
            return
        last = max(row["id"] for row in rows)


def _rows(cluster: Cluster, expression: str, fields: list[str], consistency: str, **options: Any) -> list[Any]:
    options = {"limit": MOST_ROWS, **options}
    found: list[Any] = cluster.ask(
        "query",
        cluster.address.added,
        filter=expression,
        output_fields=fields,
        consistency_level=consistency,
        **options,
    )
    return found
