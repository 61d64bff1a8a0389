"""Catalogues: clips, labels, vectors and how to search them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import NoCatalogue

if TYPE_CHECKING:
    from recommender.catalogue.base import Catalogue, Facts

FOLDER = ""
KINDS = {
    FOLDER: "recommender.catalogue.local.catalogue:LocalCatalogue",
}
"""The class of `Catalogue` for each scheme of a location."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def open_catalogue(location: str | Path, library_url: str | None = None) -> Catalogue:
    """Open the catalogue at a location: a folder, or a URL of a kind in `KINDS`; raises a `CatalogueError`.

    library_url: address under which a library's files are served.
    """
    return _kind_of(location).open(location, library_url)


def read_facts(location: str | Path) -> Facts:
    """Read what the catalogue at a location says of itself, without opening it; raises a `CatalogueError`."""
    return _kind_of(location).read_facts(location)


def _kind_of(location: str | Path) -> type[Catalogue]:
    match = _SCHEME.match(str(location))
    scheme = match.group(1).lower() if match else FOLDER
    if scheme not in KINDS:
        # Not the whole location, which may hold a password.
        known = ", ".join(["a folder", *(f"{name}://…" for name in KINDS if name)])
        raise NoCatalogue(f"This version knows no catalogues at {scheme}://…: put {known} into CATALOGUE.")
    # Imported when it is asked for: what a process does not use takes neither time nor memory.
    module, _, name = KINDS[scheme].partition(":")
    kind: type[Catalogue] = getattr(importlib.import_module(module), name)
    return kind
