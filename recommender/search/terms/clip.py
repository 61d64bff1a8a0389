"""A clip of the catalogue, by any of its names."""

from __future__ import annotations

from recommender.catalogue.base import Catalogue
from recommender.clips import Clip
from recommender.errors import NoVector
from recommender.search.terms.base import Meaning, Parts, Scope
from recommender.vectors import unit


class ClipTerm(Meaning):
    """A clip that the catalogue holds; its canonical text is its clip id."""

    def __init__(self, catalogue: Catalogue, clip: Clip) -> None:
        self._catalogue = catalogue
        self.clip = clip
        self._item = clip.item
        self.text = clip.clip_id

    @classmethod
    def read(cls, text: str, scope: Scope) -> ClipTerm | None:
        """Return the clip of this name, None where there is none."""
        return cls(scope.catalogue, scope.catalogue.clip(text)) if scope.catalogue.has(text) else None

    def parts(self) -> Parts:
        """Return the clip's vector; raises `NoVector` where it is silent."""
        vector = unit(self._catalogue.vectors_of([self._item])[0])
        if vector is None:
            raise NoVector(f"{self.text} is silent, so that nothing is like it: take another clip.")
        return Parts([vector])
