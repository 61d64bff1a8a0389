"""How good a catalogue's answers are: recall against exact search, latency, and agreement of labels."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from recommender.catalogue.base import Catalogue, Items
from recommender.catalogue.exact import CHUNK_ROWS, RESCORE_MARGIN, RowsOf, best_items, best_similarities, nearest
from recommender.clips import Clip
from recommender.terminal import bar_options
from recommender.vectors import held_out

TOP = 10
SPARE = 10
"""Clips looked at beyond the ten, of which some are of one source or without a vector."""
LABEL_BLOCK = 512
LABEL_PAIRS = 20_000_000_000
"""Comparisons that label precision takes at most: a minute or two at 128 dimensions."""
RECALL_QUERIES = 1000
LABEL_QUERIES = 25_000
"""All clips of bal_train and eval; a sample of 10,000 moves the ratio of two precisions by 3 %."""
EXACT_QUERIES = 100
"""Scans of the whole catalogue that are timed."""
EXACT_MILLISECONDS = 5000.0
"""Where all must be fetched from a database each time, fewer queries tell enough."""
SEED = 7
"""Queries are drawn at random, so that they are others than those the index was calibrated by."""
COMMON_LABELS = frozenset({"Speech", "Music"})
"""Half of AudioSet has one of these two, so that sharing them says nothing."""
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one catalogue. Times in milliseconds; precision: share of exact answers that share a label with the
    query, other than Speech and Music, over `label_queries` queries that have such a label. `labels_counted`: whose
    labels those are: `people's` (folders, files' own tags, AudioSet's annotators), or `sounds` where the embedder gave
    them all."""

    vectors: str
    clips: int
    dimension: int
    search_k: int
    recall_at_10: float
    recall_queries: int
    query_p50_ms: float
    query_p99_ms: float
    exact_p50_ms: float
    precision_at_10: float
    precision_at_1: float
    label_queries: int
    labels_counted: str

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name, rounded."""
        return {name: round(v, DECIMALS) if isinstance(v, float) else v for name, v in asdict(self).items()}


def evaluate(catalogue: Catalogue, progress: bool = True) -> Evaluation:
    """Measure a catalogue on its own clips."""
    facts = catalogue.facts
    silent = _silent(catalogue)
    searchable = np.setdiff1d(np.arange(facts.clips), silent)
    sample = np.sort(np.random.default_rng(SEED).permutation(searchable)[:RECALL_QUERIES])
    recall, times = _recall(catalogue, sample, silent, progress)
    exact_times = _exact_times(catalogue, sample[:EXACT_QUERIES], silent)
    # What labels were learned from would flatter the learning.
    unseen = searchable[held_out(searchable)] if facts.recipe.kind == "learned" else searchable
    # Drawn from all clips, so that two catalogues of the same clips are asked the same ones.
    drawn = np.random.default_rng(SEED).permutation(facts.clips)
    by_people = not catalogue.sounds.issuperset(catalogue.label_counts())
    ignored = catalogue.sounds if by_people else frozenset()
    at_10, at_1, asked = label_precision(catalogue, drawn[np.isin(drawn, unseen)], progress, ignored)
    return Evaluation(
        vectors=facts.recipe.kind,
        clips=facts.clips,
        dimension=facts.dimension,
        search_k=facts.calibration[0].search_k,
        recall_at_10=recall,
        recall_queries=len(sample),
        query_p50_ms=float(np.percentile(times, 50)),
        query_p99_ms=float(np.percentile(times, 99)),
        exact_p50_ms=float(np.percentile(exact_times, 50)),
        precision_at_10=at_10,
        precision_at_1=at_1,
        label_queries=asked,
        labels_counted="people's" if by_people else "sounds",
    )


def label_precision(
    catalogue: Catalogue, items: Items, progress: bool, ignored: frozenset[str] = frozenset()
) -> tuple[float, float, int]:
    """Return precision at 10 and at 1 of the exact answers, each source once, over the first of the items that have a
    label besides the common two and those to be ignored; and over how many."""
    most = min(LABEL_QUERIES, LABEL_PAIRS // len(catalogue))
    rows = RowsOf(catalogue)
    at_10: list[float] = []
    at_1: list[float] = []
    with tqdm(total=min(most, len(items)), desc="labels", unit="clip", **bar_options(progress)) as bar:
        for first in range(0, len(items), LABEL_BLOCK):
            block = items[first : first + LABEL_BLOCK]
            found = best_items(rows, catalogue.vectors_of(block), TOP + SPARE)
            needed = np.unique(np.concatenate((block, found.ravel())))
            clips = dict(zip(needed.tolist(), catalogue.clips(needed.tolist()), strict=True))
            before = len(at_10)
            for item, near in zip(block.tolist(), found.tolist(), strict=True):
                wanted = set(clips[item].labels) - COMMON_LABELS - ignored
                sources: dict[str, Clip] = {}
                for other in near:
                    sources.setdefault(clips[other].source, clips[other])
                sources.pop(clips[item].source, None)
                answers = list(sources.values())[:TOP]
                hits = [not wanted.isdisjoint(clip.labels) for clip in answers]
                if wanted and hits and len(at_10) < most:
                    at_10.append(sum(hits) / len(hits))
                    at_1.append(float(hits[0]))
            bar.update(len(at_10) - before)
            if len(at_10) == most:
                break
    if not at_10:
        return 0.0, 0.0, 0
    return float(np.mean(at_10)), float(np.mean(at_1)), len(at_10)


def _silent(catalogue: Catalogue) -> Items:
    """Return the items that have no vector."""
    if catalogue.facts.searchable == catalogue.facts.clips:
        return np.empty(0, np.int64)
    rows = RowsOf(catalogue)
    blocks = range(0, len(rows), CHUNK_ROWS)
    return np.concatenate([first + np.flatnonzero(~rows[first : first + CHUNK_ROWS].any(axis=1)) for first in blocks])


def _recall(catalogue: Catalogue, sample: Items, silent: Items, progress: bool) -> tuple[float, Sequence[float]]:
    """Return recall@10 of the catalogue's search, and the milliseconds of each query."""
    top = min(TOP, len(catalogue) - 1)
    queries = catalogue.vectors_of(sample)
    wanted = best_similarities(RowsOf(catalogue), queries, sample, max(top, 1), silent)[:, -1]
    recalls, times = [], []
    for place, item in enumerate(tqdm(sample.tolist(), desc="recall", **bar_options(progress))):
        started = time.perf_counter()
        (found,) = catalogue.nearest(queries[place : place + 1], top + 1, distinct=False)
        times.append((time.perf_counter() - started) * 1000)
        others = [hit for hit in found if hit.item != item][:top]
        hits = sum(hit.similarity >= wanted[place] - RESCORE_MARGIN for hit in others)
        recalls.append(float(hits) / max(top, 1))
    return float(np.mean(recalls)), times


def _exact_times(catalogue: Catalogue, sample: Items, silent: Items) -> list[float]:
    times = []
    for query in catalogue.vectors_of(sample):
        started = time.perf_counter()
        nearest(RowsOf(catalogue), query, TOP + 1, silent=silent)
        times.append((time.perf_counter() - started) * 1000)
        if sum(times) > EXACT_MILLISECONDS:
            break
    return times
