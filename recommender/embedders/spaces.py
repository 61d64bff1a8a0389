"""Vectors of two spaces are never compared."""

from __future__ import annotations

import shlex
from pathlib import Path

from recommender.errors import CatalogueDamaged, SpaceMismatch


def require_same(catalogue: str, embedder: str) -> None:
    """Raise `SpaceMismatch` unless both names are the same space."""
    if catalogue != embedder:
        raise SpaceMismatch(
            f"The catalogue holds {catalogue} vectors, but the embedder returns {embedder}: "
            "ask the operator to start the embedder that the catalogue was built with."
        )


_RETIRED = {"yamnet": "the quantised YAMNet of version 0.1, whose vectors those of yamnet-fp32 are never compared with"}


def refuse_retired(space: str, catalogue: Path, library: object) -> None:
    """Raise `CatalogueDamaged` for a space that no embedder emits any more; library: the folder it was built from."""
    if space in _RETIRED:
        folder = shlex.quote(library) if isinstance(library, str) else "FOLDER"
        raise CatalogueDamaged(
            f"{catalogue} holds vectors of {_RETIRED[space]}: build it again, with "
            f"`python -m recommender build library {folder} --out {shlex.quote(str(catalogue))}`."
        )
