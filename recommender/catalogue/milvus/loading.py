"""Brings a catalogue into Milvus: in blocks, so that a push that broke off goes on where it was, and taken up by its
alias once everything is indexed and its known answers come."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pymilvus import MilvusClient
from tqdm import tqdm

from recommender.catalogue.base import Catalogue, Pushed
from recommender.catalogue.links import FILES
from recommender.catalogue.milvus import additions
from recommender.catalogue.milvus.address import Address
from recommender.catalogue.milvus.catalogue import MilvusCatalogue, current_collection
from recommender.catalogue.milvus.cluster import Cluster, Missing
from recommender.catalogue.milvus.rows import (
    BESIDE,
    CLIPS,
    MOST_ROWS,
    block_rows,
    columns,
    facts_rows,
    partition_of,
    partitions,
    row_of,
    schema,
)
from recommender.catalogue.remote import away
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.pushing import Reading
from recommender.catalogue.remote.searching import Labels
from recommender.errors import BuildFailed, CatalogueDamaged
from recommender.terminal import bar_options

BLOCK_BYTES = 8 << 20
"""Of vectors in one message; Milvus takes 64 MB."""
MOST_BLOCK = 5_000
MOST_DIMENSIONS = 32_768
M, EF_CONSTRUCTION = 24, 200
"""With a label of 29 % the index then finds .993 of ten at a depth of 512; with 16 and 128 .967, and .973 at 2,048."""
INDEX = {"kind": "hnsw", "M": M, "efConstruction": EF_CONSTRUCTION, "precision": "full"}
OWN_SHARE, MOST_OWN = 0.07, 3
"""A question without a filter searches a partition for each set of labels: at most eight."""
LOOK_SECONDS = 0.2
BLOCKS_AT_ONCE = 200
"""Rows of words in one message."""


def push(catalogue: Catalogue, location: str, *, build_megabytes: int | None = None, progress: bool = True) -> Pushed:
    """Bring a catalogue to the alias at a location, in the place of the one that is current there.

    The one that was current stays until the next push, for those who still answer from it. build_megabytes: for
    PostgreSQL; Milvus' own settings say what its index nodes take. Raises `BuildFailed`, `CatalogueUnavailable`,
    `CatalogueDamaged`; what is current is then untouched.
    """
    address = Address.parse(location)
    if catalogue.facts.dimension > MOST_DIMENSIONS:
        raise BuildFailed(f"Milvus indexes at most {MOST_DIMENSIONS} dimensions: build with --vectors mean.")
    cluster = Cluster(address, away.PUSH_SECONDS)
    try:
        return _Push(
            cluster, catalogue, progress, Reading(catalogue), RemoteFacts.of(catalogue, INDEX, OWN_SHARE, MOST_OWN)
        ).run()
    finally:
        cluster.close()


def reach(location: str) -> None:
    """Ask a server whether it answers; raises a `CatalogueError`."""
    cluster = Cluster(Address.parse(location))
    try:
        cluster.ask("get_server_version")
    finally:
        cluster.close()


@dataclass(slots=True)
class _Push:
    cluster: Cluster
    catalogue: Catalogue
    progress: bool
    reading: Reading
    facts: RemoteFacts

    def run(self) -> Pushed:
        facts = self.catalogue.facts
        name, current = self.cluster.address.collection(facts.id), self._current()
        if current == name:
            if self._whole():
                return Pushed()
            self.cluster.ask("drop_alias", self.cluster.address.alias)
            self.cluster.ask("drop_collection", name)
            current = None
        began = time.perf_counter()
        self._drop_but({name, current})
        loaded = self._begin(name)
        self._copy(name, loaded)
        copied = time.perf_counter()
        self._index(name)
        indexed = time.perf_counter()
        self._measure(name)
        measured = time.perf_counter()
        self._take_up(name, current)
        return Pushed(len(self.catalogue) - loaded, copied - began, indexed - copied, measured - indexed)

    def _current(self) -> str | None:
        try:
            return current_collection(self.cluster)
        except Missing:
            return None

    def _whole(self) -> bool:
        """Say whether the current catalogue answers as it was pushed; what does not is pushed anew."""
        try:
            standing = MilvusCatalogue.current(self.cluster)
            standing.check()
            standing.built.name_reader.check()
        except CatalogueDamaged:
            return False
        return True

    def _drop_but(self, kept: set[str | None]) -> None:
        """Drop what is neither current nor pushed: nobody answers from it any more, and it takes memory."""
        for name in self.cluster.ask("list_collections"):
            if self.cluster.address.id_of(name) and name not in kept:
                self.cluster.ask("drop_collection", name)

    def _begin(self, name: str) -> int:
        """Make the collection, or return how many of its clips are there already."""
        made = schema(self.facts)
        places = {BESIDE, *partitions(self.facts.own)}
        there = bool(self.cluster.ask("has_collection", name))
        if there:
            known = {field["name"] for field in self.cluster.ask("describe_collection", name)["fields"]}
            if known != {field.name for field in made.fields} or places != set(
                self.cluster.ask("list_partitions", name)
            ):
                # An older version's.
                self.cluster.ask("drop_collection", name)
                there = False
        if not there:
            self.cluster.ask("create_collection", name, schema=made, num_shards=1, limited=False)
            for place in sorted(places - {CLIPS}):
                self.cluster.ask("create_partition", name, place)
            return 0
        # Rows are counted in memory alone.
        self._make_indexes(name)
        self.cluster.ask("load_collection", name, limited=False)
        (row,) = self.cluster.ask(
            "query",
            name,
            filter="item >= 0",
            output_fields=["count(*)"],
            consistency_level="Strong",
            limited=False,
        )
        self.cluster.ask("release_collection", name, limited=False)
        return int(row["count(*)"])

    def _copy(self, name: str, loaded: int) -> None:
        """Copy what is not there yet; the clips that are there are only read for their labels."""
        facts, lengths, total = self.catalogue.facts, self.catalogue.lengths(), len(self.catalogue)
        single = facts.sources == facts.clips
        block = max(1, min(MOST_BLOCK, BLOCK_BYTES // (4 * facts.dimension)))
        bar = tqdm(total=total, desc="clips", unit="clip", unit_scale=True, **bar_options(self.progress))
        # Milvus takes a block, its partitions at once, while the next one is formed.
        with bar, ThreadPoolExecutor(len(partitions(self.facts.own))) as sender:
            sent: list[Future[None]] = []
            for first, stop, clips, vectors in self.reading.blocks(sorted({*range(0, total, block), total})):
                searchable, values = np.any(vectors, axis=1).tolist(), vectors.tolist()
                parts: dict[str, list[dict[str, Any]]] = {}
                lasting: dict[str, float] = {}
                for place, clip in enumerate(clips):
                    if not single and clip.source not in lasting:
                        lasting[clip.source] = self.catalogue.seconds_of(clip.source)
                    lasts = clip.end - clip.start if single else lasting[clip.source]
                    length = 0.0 if lengths is None else float(lengths[clip.item])
                    numbers = [self.reading.numbers[label] for label in clip.labels]
                    row = row_of(clip, values[place], lasts, length, self.facts, numbers)
                    partition = partition_of(self.facts.own, clip.labels) if searchable[place] else BESIDE
                    parts.setdefault(partition, []).append(row)
                bar.update(stop - first)
                if stop <= loaded:
                    continue
                for each in sent:
                    each.result()
                # What broke off within a block may be there in part.
                send = self._insert if first >= loaded else self._upsert
                sent = [sender.submit(send, name, *part) for part in parts.items()]
            for each in sent:
                each.result()
        names, blocks = self.reading.named()
        self.facts = replace(self.facts, names=names)
        rows = list(block_rows(self.facts, blocks))
        for at in range(0, len(rows), BLOCKS_AT_ONCE):
            some = rows[at : at + BLOCKS_AT_ONCE]
            self.cluster.ask("upsert", name, data=some, partition_name=BESIDE, limited=False)

    def _insert(self, name: str, partition: str, rows: list[dict[str, Any]]) -> None:
        own = columns(rows, self.facts)
        self.cluster.ask("batch_insert", name, own, partition_name=partition, limited=False)

    def _upsert(self, name: str, partition: str, rows: list[dict[str, Any]]) -> None:
        self.cluster.ask("upsert", name, data=rows, partition_name=partition, limited=False)

    def _make_indexes(self, name: str) -> None:
        index = MilvusClient.prepare_index_params()
        parameters = {"M": M, "efConstruction": EF_CONSTRUCTION}
        index.add_index("vector", index_name="vector", index_type="HNSW", metric_type="IP", params=parameters)
        for field in ("clip_id", "source"):
            index.add_index(field, index_name=field, index_type="Trie")
        self.cluster.ask("create_index", name, index, sync=False, limited=False)

    def _index(self, name: str) -> None:
        """Index all rows, and load them: before, Milvus answers from a part of them, and says nothing."""
        self.cluster.ask("flush", name, limited=False)
        self._make_indexes(name)
        with tqdm(desc="index", unit="clip", unit_scale=True, leave=False, **bar_options(self.progress)) as bar:
            while True:
                found = self.cluster.ask("describe_index", name, "vector", limited=False)
                bar.total, bar.n = int(found["total_rows"]), int(found["indexed_rows"])
                bar.refresh()
                if bar.n >= max(bar.total, len(self.catalogue)) and not int(found["pending_index_rows"]):
                    break
                if found["state"] == "Failed":
                    raise BuildFailed(f"Milvus could not index the catalogue ({found.get('index_state_fail_reason')}).")
                time.sleep(LOOK_SECONDS)
        self.cluster.ask("load_collection", name, limited=False)

    def _measure(self, name: str) -> None:
        """Calibrate, and keep known answers with what the catalogue says of itself."""
        counts = self.catalogue.label_counts()
        counted = [(label, counts[label]) for label in self.reading.numbers]
        plain, labels, words = self.facts, Labels.of(counted), self.catalogue.vocabulary
        searcher = MilvusCatalogue(self.cluster, plain, labels, words).built.searcher
        facts = self.reading.measured(plain, searcher, self.progress)
        try:
            MilvusCatalogue(self.cluster, facts, labels, words).check()
        except CatalogueDamaged:
            # The next push would go on with it.
            self.cluster.ask("drop_collection", name)
            raise
        rows = facts_rows(facts, counted, words)
        if len(rows) > MOST_ROWS:
            raise BuildFailed("What the catalogue says of itself is too long for Milvus: build with fewer labels.")
        self.cluster.ask("upsert", name, data=rows, partition_name=BESIDE, limited=False)

    def _take_up(self, name: str, before: str | None) -> None:
        """Let the alias stand for the pushed catalogue."""
        if self.catalogue.facts.extra.get("links") == FILES:
            additions.prepare(self.cluster)
            if before is not None:
                self._prune()
        self.cluster.ask("create_alias" if before is None else "alter_alias", name, self.cluster.address.alias)

    def _prune(self) -> None:
        """Forget what was added and is in the catalogue that was current: everybody has it from there by now."""
        try:
            before = MilvusCatalogue.current(self.cluster)
        except CatalogueDamaged:
            return  # an older version's: what was added is passed over where the new one has it
        additions.prune(self.cluster, [path for path in additions.paths(self.cluster) if before.knows(path)])
