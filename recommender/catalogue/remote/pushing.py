"""What a push does alike into every database: it reads the catalogue block by block, counts labels, and measures what
came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from recommender.catalogue.base import Catalogue, Items, Vectors
from recommender.catalogue.exact import RowsOf, nearest
from recommender.catalogue.known_answer import KnownAnswer
from recommender.catalogue.links import FILES
from recommender.catalogue.recall import spread
from recommender.catalogue.remote.calibration import Source, calibrate
from recommender.catalogue.remote.facts import RemoteFacts
from recommender.catalogue.remote.names import NameBlocks, formed
from recommender.catalogue.remote.searching import Searcher
from recommender.clips import Clip

KNOWN_ANSWERS = 8
KNOWN_RESULTS = 10


@dataclass(slots=True)
class Reading:
    """A catalogue that is pushed, read once. numbers: of labels, in the order in which they came."""

    catalogue: Catalogue
    numbers: dict[str, int] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _labelled: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    _silent: list[Items] = field(default_factory=list)

    def blocks(self, edges: Sequence[int]) -> Iterator[tuple[int, int, list[Clip], Vectors]]:
        """Return clips and vectors between edges, with the first item and the one behind the last."""
        for first, stop in pairwise(edges):
            items = range(first, stop)
            clips, vectors = self.catalogue.clips(items), self.catalogue.vectors_of(items)
            self._count(clips, vectors, first)
            yield first, stop, clips, vectors

    def named(self) -> tuple[NameBlocks, list[bytes]]:
        """Return the blocks of words and titles, after all clips were read."""
        return formed(self.catalogue.words(), self._names.items())

    def measured(self, facts: RemoteFacts, searcher: Searcher, progress: bool) -> RemoteFacts:
        """Return the facts with calibration, and with known answers, which come from the catalogue that is pushed."""
        silent = np.concatenate(self._silent)
        vectors = RowsOf(self.catalogue)
        together: dict[str, list[list[int]]] = {}
        for labels, items in self._labelled.items():
            for label in labels:
                together.setdefault(label, []).append(items)
        labelled = {name: np.setdiff1d(np.concatenate(parts), silent) for name, parts in together.items()}
        source = Source(vectors, silent, np.setdiff1d(np.arange(len(vectors)), silent), labelled)
        bands = calibrate(searcher, source, facts.target_recall, progress)
        answers = _known_answers(self.catalogue, source)
        return replace(facts, bands=bands, calibration=bands[0].calibration, known_answers=answers)

    def _count(self, clips: Sequence[Clip], vectors: Vectors, first: int) -> None:
        files = self.catalogue.facts.extra.get("links") == FILES
        for clip in clips:
            if files:
                self._names.setdefault(clip.source, clip.title)
            # The same few labels come together again and again.
            items = self._labelled.get(clip.labels)
            if items is None:
                items = self._labelled[clip.labels] = []
                for label in clip.labels:
                    self.numbers.setdefault(label, len(self.numbers))
            items.append(clip.item)
        self._silent.append(first + np.flatnonzero(~vectors.any(axis=1)))


def _known_answers(catalogue: Catalogue, source: Source) -> tuple[KnownAnswer, ...]:
    items = spread(source.searchable, KNOWN_ANSWERS)
    answers = []
    for item, query, clip in zip(items.tolist(), source.vectors[items], catalogue.clips(items.tolist()), strict=True):
        exact = nearest(source.vectors, query, KNOWN_RESULTS + 1, silent=source.silent)
        exact = exact.without(np.array([item])).first(KNOWN_RESULTS)
        similarities = tuple(round(similarity, 6) for similarity in exact.similarities.tolist())
        answers.append(KnownAnswer(item, clip.clip_id, tuple(exact.items.tolist()), similarities, len(exact)))
    return tuple(answers)
