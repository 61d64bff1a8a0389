"""The vector spaces that embedders emit. Vectors of two spaces are never compared."""

from __future__ import annotations

from dataclasses import dataclass

from recommender.errors import SpaceMismatch


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space: values per frame vector, seconds between frame vectors, and whether values travel as bytes."""

    name: str
    dimension: int
    hop: float
    quantised: bool


SPACES = {
    space.name: space
    for space in (
        Space("vggish-pca", 128, 0.96, True),
        Space("vggish-relu-pca", 128, 0.96, True),
        Space("musicnn-msd", 200, 187 * 256 / 16_000, False),
        Space("yamnet-fp32", 1024, 0.48, False),
    )
}


def require_same(catalogue: str, embedder: str) -> None:
    """Raise `SpaceMismatch` unless both names are the same space."""
    if catalogue != embedder:
        raise SpaceMismatch(
            f"The catalogue holds {catalogue} vectors, but the embedder gives {embedder}: "
            "ask the operator to start the embedder that the catalogue was built with."
        )
