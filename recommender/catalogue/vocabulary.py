"""The vocabulary of a catalogue: its labels, what they are called, and how each one sounds.

label_head.npy: float32 (labels, d), for each label the unit vector of the catalogue's space towards it, zero where none
is known. label_texts.npy: for each text that a label is called by, the place of the label and the text's vector. The
labels themselves stand in the manifest's extra, those of the embedder's own classifier first.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.everyday_vectors import everyday_vectors
from recommender.catalogue.phrases import phrases
from recommender.embedders.labels import LabelHead
from recommender.embedders.text import DIMENSION, TextEncoder
from recommender.errors import CatalogueDamaged, EmbedderError, NoWeights
from recommender.vectors import Recipe, unit_rows

LABEL_HEAD = "label_head.npy"
LABEL_TEXTS = "label_texts.npy"
EXTRA = "vocabulary"
MOST_LABELS = 2000
"""Labels beyond the classifier's that words are matched with, the commonest first: a library may have one per artist,
and each takes milliseconds at build time."""
FEWEST_CLIPS = 3
"""A label of fewer clips says too little of how it sounds."""
RIDGE = 0.3
"""Share of the mean variance that is added: between 0.1 and 1 nothing changes."""
BLOCK_ROWS = 16_384

Vectors = NDArray[np.float32]
_log = logging.getLogger(__name__)
_TEXT = np.dtype([("label", "<i4"), ("vector", "<f4", (DIMENSION,))])


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """labels: their names. classified: how many of them, from the first, the embedder's own classifier gives; the
    others stem from people. head: float32 (labels, d). texts: as in the file, None where there was no text encoder."""

    labels: tuple[str, ...]
    classified: int
    head: Vectors
    texts: NDArray[np.void] | None

    @property
    def by_people(self) -> bool:
        """Whether all labels stem from people, as AudioSet's do."""
        return not self.classified

    @classmethod
    def open(cls, folder: Path, extra: dict[str, Any], files: Sequence[str]) -> Vocabulary | None:
        """Read a catalogue's vocabulary, None where it was built without; raises `CatalogueDamaged`."""
        if LABEL_HEAD not in files:
            return None
        with _damage(str(folder)):
            head = np.load(folder / LABEL_HEAD, allow_pickle=False)
            # Mapped: AudioSet's take 4 MB, which all processes share.
            texts = np.load(folder / LABEL_TEXTS, "r", allow_pickle=False) if LABEL_TEXTS in files else None
            return cls._checked(extra, head, texts)

    @classmethod
    def from_bytes(cls, data: bytes, extra: dict[str, Any], location: str) -> Vocabulary:
        """Read what `to_bytes` returned, out of a catalogue at a location; raises `CatalogueDamaged`."""
        with _damage(location), np.load(BytesIO(data), allow_pickle=False) as arrays:
            return cls._checked(extra, arrays["head"], arrays.get("texts"))

    def to_bytes(self) -> bytes:
        """Return head and texts as an .npz file."""
        file = BytesIO()
        arrays: dict[str, Any] = {} if self.texts is None else {"texts": self.texts}
        np.savez(file, head=self.head, **arrays)
        return file.getvalue()

    @classmethod
    def _checked(cls, extra: dict[str, Any], head: Vectors, texts: NDArray[np.void] | None) -> Vocabulary:
        labels = tuple(map(str, extra[EXTRA]["labels"]))
        if head.ndim != 2 or len(head) != len(labels) or (texts is not None and texts.dtype != _TEXT):
            raise ValueError
        return cls(labels, int(extra[EXTRA]["classified"]), head, texts)


@contextmanager
def _damage(location: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile):
        raise CatalogueDamaged(f"The vocabulary in {location} is damaged: build the catalogue again.") from None


@dataclass(frozen=True, slots=True)
class WordsBuilder:
    """What a build needs so that the catalogue understands words. encoder: None where there is none; classifier: the
    embedder's own, None where it has none; standing: the folder of the catalogue that is replaced, whose texts are
    taken over where they are the same."""

    encoder: TextEncoder | None = None
    classifier: LabelHead | None = None
    standing: Path | None = None

    def write(
        self,
        folder: Path,
        counts: dict[str, int],
        items_with: Callable[[str], NDArray[np.int64]],
        vectors: Vectors,
        recipe: Recipe,
    ) -> tuple[list[str], dict[str, Any]]:
        """Write the files; returns their names, and what the manifest keeps. counts: clips by label."""
        rows = _directions(self.classifier, recipe, vectors.shape[1])
        classified = list(self.classifier.names) if self.classifier is not None and rows is not None else []
        own = set(map(str.casefold, classified))
        others = [
            label for label in sorted(counts, key=lambda label: (-counts[label], label)) if label.casefold() not in own
        ]
        others = others[:MOST_LABELS]
        head = np.zeros((len(classified) + len(others), vectors.shape[1]), np.float32)
        if rows is not None:
            head[: len(rows)] = rows
        learned = [label for label in others if counts[label] >= FEWEST_CLIPS]
        if learned:
            head[len(classified) : len(classified) + len(learned)] = _learned(learned, items_with, vectors)
        np.save(folder / LABEL_HEAD, head)
        labels = [*classified, *others]
        names, facts = [LABEL_HEAD], {"labels": labels, "classified": len(classified), "texts": _digest(labels)}
        texts = self._texts(labels)
        if texts is not None:
            np.save(folder / LABEL_TEXTS, texts)
            names.append(LABEL_TEXTS)
        return names, facts

    def _texts(self, labels: Sequence[str]) -> NDArray[np.void] | None:
        before = self._standing_texts(_digest(labels))
        if before is not None or self.encoder is None:
            return before
        called = phrases(labels)
        known = everyday_vectors()
        new = [text for _, text in called if text not in known]
        try:
            encoded = dict(zip(new, self.encoder.encode(new) if new else (), strict=True))
        except EmbedderError as error:
            _log.warning("%s", error)
            return None
        texts = np.zeros(len(called), _TEXT)
        texts["label"] = [place for place, _ in called]
        texts["vector"] = [known[text] if text in known else encoded[text] for _, text in called]
        return texts

    def _standing_texts(self, digest: str) -> NDArray[np.void] | None:
        """Return the texts of the catalogue that is replaced where they would come out the same."""
        if self.standing is None:
            return None
        try:
            manifest = json.loads((self.standing / "manifest.json").read_bytes())
            if manifest["extra"][EXTRA]["texts"] != digest:
                return None
            texts: NDArray[np.void] = np.load(self.standing / LABEL_TEXTS, allow_pickle=False)
        except (OSError, ValueError, EOFError, KeyError, TypeError):
            return None
        return texts if texts.dtype == _TEXT else None


def words_of(space: str, weights: Path | None, standing: Path) -> WordsBuilder:
    """Return what a build of a space's vectors needs: the text encoder, and the embedder's classifier where it has one.

    weights: folder of the embedder's, None for those that are installed; standing: as in `WordsBuilder`.
    """
    from recommender.embedders.registry import of_space
    from recommender.embedders.text import LazyMiniLM

    load = of_space(space).label_head
    try:
        classifier = load(weights) if load is not None else None
    except NoWeights:
        # The vectors came from a service: labels are then learned from the tags that it gave.
        classifier = None
    return WordsBuilder(LazyMiniLM(), classifier, standing)


def _digest(labels: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(phrases(labels)).encode()).hexdigest()


def _directions(classifier: LabelHead | None, recipe: Recipe, dimension: int) -> Vectors | None:
    """Return the classifier's weights as unit vectors of the catalogue's space, None where they do not fit it.

    What all labels have in common is taken away: else loud and full clips are near to any words.
    """
    if classifier is None:
        return None
    weights = classifier.weights.astype(np.float64)
    weights = weights - weights.mean(axis=0)
    if recipe.projection is not None:
        if recipe.projection.shape[0] != weights.shape[1]:
            return None
        # Its directions need not be of one length: scores stay what they are without the projection.
        weights = weights @ np.linalg.pinv(recipe.projection).T
    return unit_rows(weights) if weights.shape[1] == dimension else None


def _learned(labels: Sequence[str], items_with: Callable[[str], NDArray[np.int64]], vectors: Vectors) -> Vectors:
    """Learn a direction for each label: ridge regression from the clips' vectors to whether they have it."""
    count, dimension = vectors.shape
    gram, total = np.zeros((dimension, dimension)), np.zeros(dimension)
    for first in range(0, count, BLOCK_ROWS):
        rows = np.asarray(vectors[first : first + BLOCK_ROWS], np.float64)
        gram += rows.T @ rows
        total += rows.sum(axis=0)
    mean = total / count
    covariance = gram / count - np.outer(mean, mean)
    agreement = np.empty((dimension, len(labels)))
    for column, label in enumerate(labels):
        items = items_with(label)
        chosen = np.zeros(dimension)
        for first in range(0, len(items), BLOCK_ROWS):
            chosen += vectors[items[first : first + BLOCK_ROWS]].sum(axis=0, dtype=np.float64)
        agreement[:, column] = (chosen - len(items) * mean) / count
    ridge = max(RIDGE * float(np.trace(covariance)) / dimension, 1e-9)
    return unit_rows(np.linalg.solve(covariance + ridge * np.eye(dimension), agreement).T)
