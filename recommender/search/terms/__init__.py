"""The terms of a query `A + B - C`: what kinds there are, and how each becomes a vector of the catalogue's space.

A kind is one module with a class of `Meaning` and one line in `KINDS`. `read` says whether a term is of the kind;
`parts` returns unit vectors, so that terms of all kinds combine, are filtered and are paged alike. Kinds are asked in
the order of `KINDS`; what none of them claims is an unknown clip, with close spellings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.catalogue.base import Vectors
from recommender.errors import NoVector
from recommender.search.terms.base import Meaning, Parts, Scope
from recommender.search.terms.clip import ClipTerm
from recommender.search.terms.labels import LabelsTerm
from recommender.search.terms.upload import UploadTerm
from recommender.search.terms.words import WordsTerm
from recommender.search.words.ranking import named_alone
from recommender.vectors import unit

KINDS: tuple[type[Meaning], ...] = (
    UploadTerm,
    LabelsTerm,
    ClipTerm,
    WordsTerm,
)

__all__ = ["KINDS", "ClipTerm", "LabelsTerm", "Meaning", "Parts", "Scope", "WordsTerm", "combined", "resolve"]


def resolve(text: str, scope: Scope, *, alone: bool = True) -> Meaning:
    """Return what a term means; raises `UnknownClip` with close spellings. alone: where False, words that are the name
    of one file are that file's sound; alone they ask for all that is named or sounds so."""
    for kind in KINDS:
        meaning = kind.read(text, scope)
        if meaning is not None:
            named = None if alone or not isinstance(meaning, WordsTerm) else named_alone(scope.catalogue, meaning.text)
            return meaning if named is None else ClipTerm(scope.catalogue, named)
    return ClipTerm(scope.catalogue, scope.catalogue.clip(text))


def combined(terms: Sequence[tuple[int, Meaning]]) -> Parts:
    """Return what to search for, given each term with its sign: the parts of one that stands alone, else the direction
    of the sum. Raises a `QueryError`."""
    if len(terms) == 1 and terms[0][0] > 0:
        return terms[0][1].parts()
    total: Vectors = np.sum([sign * meaning.vector().astype(np.float64) for sign, meaning in terms], axis=0)
    vector = unit(total)
    if vector is None:
        raise NoVector("These terms cancel each other out: take one of them away.")
    return Parts([vector])
