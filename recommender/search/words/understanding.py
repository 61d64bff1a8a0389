"""From a text to labels of a catalogue, each with its weight: by meaning, or by spelling where there is no encoder.

The similarity of a text to a label is half that to the nearest of the label's phrases, half that to their mean; weights
are a softmax over the best eight. On queries of benchmarks/words.py other mixtures and temperatures are alike.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recommender.answers import Understood
from recommender.catalogue.phrases import phrases
from recommender.catalogue.vocabulary import Vocabulary
from recommender.embedders.text import TextEncoder
from recommender.errors import EmbedderError
from recommender.vectors import unit, unit_rows

BEST = 8
TEMPERATURE = 0.08
LOWEST_WEIGHT = 0.05
"""A label below this is not what was meant."""
PLACED = 0.33
"""A text less similar than this to every label means none of them."""
TOGETHER = 4
"""Labels that one text can require together."""
_STOP = frozenset(
    """
    a an the of on in at to for with and or by from into over some any one is are was were be been being it its
    this that these those his her their my your our very really quite sound sounds noise noises audio clip clips
    sample samples recording recordings effect effects like
    """.split()  # noqa: SIM905 - a list of words is easier to read
)
_WORD = re.compile(r"[^\W_]+(?:['’&][^\W_]+)*")

Vectors = NDArray[np.float32]


def content_words(text: str) -> list[str]:
    """Return the words of a text that say something, in lower case."""
    return [word for word in _WORD.findall(text.casefold()) if word not in _STOP]


def is_english(text: str) -> bool:
    """Say whether a text may be English: of others' letters the encoder, which knows no other language, makes labels at
    random."""
    letters = [character for character in text if character.isalpha()]
    return 2 * sum(unicodedata.name(each, "").startswith("LATIN") for each in letters) >= len(letters)


def joined(several: Sequence[Understood]) -> Understood:
    """Return what is meant by all of several texts: the best label of each is required together with the others."""
    if len(several) == 1:
        return several[0]
    labels: dict[str, float] = {}
    for understood in several:
        for name, weight in understood.labels:
            labels[name] = labels.get(name, 0.0) + weight / len(several)
    together = [name for each in several for name in (each.together or tuple(name for name, _ in each.labels[:1]))]
    return Understood(
        " ".join(understood.text for understood in several),
        tuple(sorted(labels.items(), key=lambda pair: -pair[1])),
        tuple(dict.fromkeys(together)),
    )


@dataclass(frozen=True)
class Reader:
    """Reads texts in one catalogue's vocabulary. Safe to use from several threads."""

    vocabulary: Vocabulary

    def understood(self, text: str, encoder: TextEncoder | None) -> Understood:
        """Return what a text means; where the encoder does not answer, what its spelling says."""
        if not content_words(text) or not is_english(text):
            return Understood(text)
        texts = self.vocabulary.texts
        if encoder is not None and texts is not None:
            try:
                vector = encoder.encode([text])[0]
            except EmbedderError:
                return self._spelt(text)
            return self._meant(text, vector)
        return self._spelt(text)

    def direction(self, understood: Understood) -> Vectors | None:
        """Return the unit vector of the catalogue's space towards what was understood, None where there is none."""
        total = np.zeros(self.vocabulary.head.shape[1])
        for name, weight in understood.labels:
            total += weight * self.vocabulary.head[self._places[name]]
        return unit(total)

    def _meant(self, text: str, vector: Vectors) -> Understood:
        similarity = self._similarities(vector)
        best = np.argsort(-similarity, kind="stable")[:BEST]
        names = [self.vocabulary.labels[place] for place in best.tolist()]
        if similarity[best[0]] < PLACED:
            return Understood(text, near=tuple(names[:3]))
        weights = np.exp((similarity[best] - similarity[best[0]]) / TEMPERATURE)
        weights /= weights.sum()
        together = self._together(text, set(names))
        if together:
            share = dict.fromkeys(together, 0.0) | dict(zip(names, weights.tolist(), strict=True))
            # What is required together counts alike.
            equal = 1 / len(together)
            labels = [(name, equal) for name in together]
            rest = [(n, w / 4) for n, w in share.items() if n not in together and w >= LOWEST_WEIGHT]
            return Understood(text, (*labels, *rest), together)
        kept = [(n, w) for n, w in zip(names, weights.tolist(), strict=True) if w >= LOWEST_WEIGHT]
        return Understood(text, tuple((name, round(weight, 4)) for name, weight in kept))

    def _similarities(self, vector: Vectors) -> NDArray[np.float64]:
        texts = self.vocabulary.texts
        assert texts is not None  # noqa: S101 - asked for where there are texts alone
        # Not by BLAS, which would copy the column first, and put all cores to it.
        each = np.einsum("ij,j->i", texts["vector"], vector).astype(np.float64)
        nearest = np.full(len(self.vocabulary.labels), -1.0)
        np.maximum.at(nearest, texts["label"], each)
        similarities: NDArray[np.float64] = (nearest + np.einsum("ij,j->i", self._means, vector)) / 2
        return similarities

    def _spelt(self, text: str) -> Understood:
        """Find labels by the words of their phrases: first what the text is made of, then what shares words with it."""
        together = self._together(text, None)
        if together:
            return Understood(text, tuple((name, 1 / len(together)) for name in together), together, by_meaning=False)
        found = self._spelling.labels(content_words(text))
        if not found:
            return Understood(text, by_meaning=False)
        weights = np.exp(-np.arange(len(found)) * 1.5)
        weights /= weights.sum()
        labels = [(self.vocabulary.labels[place], float(w)) for place, w in zip(found, weights.tolist(), strict=True)]
        return Understood(text, tuple(labels), by_meaning=False)

    def _together(self, text: str, near: set[str] | None) -> tuple[str, ...]:
        """Return the labels that a text names one by one, where it is made of nothing else: "sad piano" is Sad music
        and Piano. near: labels that the whole text is like; others were named by chance."""
        words = content_words(text)
        found: list[str] = []
        place = 0
        while place < len(words):
            for end in range(len(words), place, -1):
                named = [name for name in self._called.get(_key(words[place:end]), ()) if near is None or name in near]
                if named:
                    found.append(named[0])
                    place = end
                    break
            else:
                return ()
        distinct = tuple(dict.fromkeys(found))
        if len(distinct) < 2 or len(distinct) > TOGETHER:
            return () if near is not None else distinct[:1]
        return distinct

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.vocabulary.labels)}

    @cached_property
    def _called(self) -> dict[str, list[str]]:
        """Labels by what they are called; those whose name it is come first."""
        called: dict[str, list[str]] = {}
        for place, phrase in sorted(phrases(self.vocabulary.labels), key=lambda pair: pair[1] != self._name(pair[0])):
            called.setdefault(_key(content_words(phrase)), []).append(self._name(place))
        called.pop("", None)
        return called

    def _name(self, place: int) -> str:
        return self.vocabulary.labels[place]

    @cached_property
    def _means(self) -> Vectors:
        texts = self.vocabulary.texts
        assert texts is not None  # noqa: S101 - as above
        means = np.zeros((len(self.vocabulary.labels), texts["vector"].shape[1]))
        np.add.at(means, texts["label"], texts["vector"])
        return unit_rows(means)

    @cached_property
    def _spelling(self) -> _Spelling:
        return _Spelling(phrases(self.vocabulary.labels))


class _Spelling:
    """Full-text search over what labels are called, in memory: some thousand short texts."""

    def __init__(self, called: Sequence[tuple[int, str]]) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute(
            "CREATE VIRTUAL TABLE called USING fts5(text, label UNINDEXED, "
            'tokenize = "porter unicode61 remove_diacritics 2")'
        )
        self._db.executemany("INSERT INTO called (label, text) VALUES (?, ?)", called)

    def labels(self, words: Sequence[str]) -> list[int]:
        """Return the places of at most three labels that share words, the best first."""
        if not words:
            return []
        match = " OR ".join('"' + word.replace('"', "") + '"' for word in words)
        with self._lock:
            rows = self._db.execute("SELECT label FROM called WHERE called MATCH ? ORDER BY rank LIMIT 24", (match,))
            return list(dict.fromkeys(int(row[0]) for row in rows))[:3]


def _key(words: Sequence[str]) -> str:
    return " ".join(word.removesuffix("s") if len(word) > 3 else word for word in words)
