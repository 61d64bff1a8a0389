"""What a kind of term has to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.catalogue.base import Catalogue, Vectors
from recommender.clips import Clip
from recommender.embedders.text import TextEncoder
from recommender.errors import NoVector
from recommender.search.words.understanding import Reader
from recommender.uploads import Upload
from recommender.vectors import Window, unit


@dataclass(frozen=True, slots=True)
class Scope:
    """What a term may be read against. recall: finds an upload by its sha256, None where it is forgotten; reader: of
    words, None where the catalogue knows none; encoder: of texts, None where there is none."""

    catalogue: Catalogue
    recall: Callable[[str], Upload | None]
    reader: Reader | None = None
    encoder: TextEncoder | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """Unit vectors (d,) in the catalogue's space, and the windows of an upload that they belong to; none for others."""

    vectors: Sequence[Vectors]
    windows: Sequence[Window] = ()


class Meaning(ABC):
    """A term as a catalogue understands it.

    text: its canonical text, by which the same term is read again; clip: the clip that it names, which is then left out
    of the results with its source, None where it names none.
    """

    text: str
    clip: Clip | None = None

    @classmethod
    @abstractmethod
    def read(cls, text: str, scope: Scope) -> Meaning | None:
        """Return what a term means, None where it is of another kind; nothing slow, it is done before the cache is
        looked into."""

    @abstractmethod
    def parts(self) -> Parts:
        """Return what is searched for where the term stands alone: one vector, or several whose results are merged.

        Raises a `QueryError` where there is none.
        """

    def vector(self) -> Vectors:
        """Return the one unit vector that stands for the term in a combination; raises a `QueryError`."""
        vectors = self.parts().vectors
        vector = vectors[0] if len(vectors) == 1 else unit(np.sum(vectors, axis=0))
        if vector is None:
            raise NoVector("The parts of the file cancel each other out: take a shorter file.")
        return vector
