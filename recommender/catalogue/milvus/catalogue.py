"""A catalogue in Milvus: found by an alias, searched in its own collection, which a push never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Addition, Facts
from recommender.catalogue.filters import Filter
from recommender.catalogue.milvus import additions
from recommender.catalogue.milvus.address import Address
from recommender.catalogue.milvus.built import BuiltCollection
from recommender.catalogue.milvus.cluster import Cluster, Missing
from recommender.catalogue.milvus.nearest import FLOAT32_DECIMALS
from recommender.catalogue.milvus.rows import FIRST_BLOCK, MOST_ROWS, SHOWN, read_facts
from recommender.catalogue.remote.catalogue import RemoteCatalogue
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.searching import Labels
from recommender.catalogue.vocabulary import Vocabulary
from recommender.embedders.spaces import refuse_retired
from recommender.errors import CatalogueDamaged, NoCatalogue

OLDEST_MILVUS = (2, 3)
"""The first with arrays, which labels are."""
LABELS_COUNTED = 20
"""The commonest labels, whose clips `verify` counts."""


class MilvusCatalogue(RemoteCatalogue):
    """A catalogue in Milvus, opened by `MilvusCatalogue.open`."""

    built: BuiltCollection
    decimals = FLOAT32_DECIMALS

    def __init__(
        self,
        cluster: Cluster,
        facts: RemoteFacts,
        labels: Labels,
        vocabulary: Vocabulary | None,
        library_url: str | None = None,
    ) -> None:
        super().__init__(facts, cluster.address.shown, library_url, cluster.away)
        self.collection = cluster.address.collection(facts.id)
        self.vocabulary = vocabulary
        self.built = BuiltCollection(cluster, self.collection, facts, labels, library_url)
        self._cluster = cluster

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> MilvusCatalogue:
        """Check the catalogue that the alias stands for, and ask its known answers; raises a `CatalogueError`."""
        cluster = Cluster(Address.parse(str(location)))
        try:
            return cls._opened(cluster, library_url)
        except BaseException:
            cluster.close()
            raise

    @classmethod
    def read_facts(cls, location: str | Path) -> Facts:
        """Read what the current catalogue says of itself; raises a `CatalogueError`."""
        cluster = Cluster(Address.parse(str(location)))
        try:
            return _current(cluster)[0]
        finally:
            cluster.close()

    def reopen(self) -> MilvusCatalogue:
        """Open the catalogue that is current now, on the same connection."""
        return self._opened(self._cluster, self._library_url)

    @classmethod
    def current(cls, cluster: Cluster, library_url: str | None = None) -> MilvusCatalogue:
        """Return the catalogue that the alias stands for, unchecked."""
        return cls(cluster, *_current(cluster), library_url)

    @classmethod
    def _opened(cls, cluster: Cluster, library_url: str | None) -> MilvusCatalogue:
        catalogue = cls.current(cluster, library_url)
        catalogue.check()
        catalogue.look()
        return catalogue

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what raw-frames vectors were divided by."""
        if self.facts.recipe.pooling != "raw-frames":
            return None
        lengths = np.zeros(len(self))
        for page in self.built.searcher.paged(0, len(self), ["length"]):
            for row in page:
                lengths[row["item"]] = row["length"]
        return lengths

    def check(self) -> None:
        """Compare rows, index and known answers with what was pushed; raises `CatalogueDamaged`."""
        version = str(self._cluster.ask("get_server_version")).lstrip("v")
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_MILVUS:
            oldest = ".".join(map(str, OLDEST_MILVUS))
            raise CatalogueDamaged(f"{self.location} is Milvus {version}: update it to {oldest} or newer.")
        clips = self._count("item >= 0")
        if clips != len(self):
            raise self._damaged(f"holds {clips:,} clips where {len(self):,} were pushed")
        index = self._cluster.ask("describe_index", self.collection, "vector")
        if not index or int(index["indexed_rows"]) < self.facts.searchable:
            raise self._damaged("lacks an index")
        self.check_answers()

    def verify(self) -> str:
        """Count clips and the commonest labels, and ask the known answers; raises `CatalogueDamaged`."""
        self.check()
        counts = self.built.label_counts()
        expression = self.built.searcher.expression
        common = sorted(counts, key=lambda name: -counts[name])[:LABELS_COUNTED]
        pairs = [(self._count(expression(Filter(only=((name,),)))), counts[name]) for name in common]
        searchable = self._count("item >= 0", partition_names=self.built.searcher.partitions())
        if searchable != self.facts.searchable or any(there != pushed for there, pushed in pairs):
            raise self._damaged("is not what was pushed")
        self.built.name_reader.check()
        return f"{len(self):,} clips, {len(self.facts.known_answers)} known answers right"

    def close(self) -> None:
        """Close the connection; the catalogue cannot be asked afterwards."""
        self._cluster.close()

    def _count(self, expression: str, **options: Any) -> int:
        (row,) = self._cluster.ask(
            "query", self.collection, filter=expression, output_fields=["count(*)"], limited=False, **options
        )
        return int(row["count(*)"])

    def _now(self) -> tuple[object, object]:
        try:
            current = current_collection(self._cluster)
        except Missing:
            return None, None
        return self._cluster.address.id_of(current), additions.ids(self._cluster) if self._grows else None

    def _entries(self) -> tuple[Sequence[Mapping[str, Any]], str]:
        entries = additions.entries(self._cluster)
        return entries, str(hash(tuple(entry["sha256"] for entry in entries))) if entries else ""

    def _append(self, addition: Addition) -> None:
        additions.append(self._cluster, addition, self.facts)


def current_collection(cluster: Cluster) -> str:
    """Return the name of the collection that the alias stands for; raises `Missing`."""
    return str(cluster.ask("describe_collection", cluster.address.alias)["collection_name"])


def _current(cluster: Cluster) -> tuple[RemoteFacts, Labels, Vocabulary | None]:
    shown = cluster.address.shown
    try:
        collection = current_collection(cluster)
        rows = cluster.ask(
            "query",
            collection,
            filter=f"item < 0 and item > {FIRST_BLOCK}",
            output_fields=["item", SHOWN],
            limit=MOST_ROWS,
            consistency_level="Strong",
        )
    except Missing:
        raise NoCatalogue(
            f"There is no catalogue at {shown}: build one in a folder, and bring it there with "
            "`python -m recommender push FOLDER URL`."
        ) from None
    facts, labels, vocabulary = read_facts(rows, shown)
    refuse_retired(facts.space, Path(shown), facts.extra.get("folder"))
    return facts, labels, vocabulary
