"""Catalogues: clips, labels, vectors and how to search them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import NoCatalogue

if TYPE_CHECKING:
    from recommender.catalogue.base import Catalogue, Facts, Pushed

FOLDER = ""
SEVERAL = ","
KINDS = {
    FOLDER: "recommender.catalogue.local.catalogue:LocalCatalogue",
    "postgresql": "recommender.catalogue.postgres.catalogue:PostgresCatalogue",
    "milvus": "recommender.catalogue.milvus.catalogue:MilvusCatalogue",
    SEVERAL: "recommender.catalogue.merged:MergedCatalogue",
}
"""The class of `Catalogue` for each scheme of a location; `SEVERAL` for locations with commas between them."""

LOADERS = {
    "postgresql": "recommender.catalogue.postgres.loading:push",
    "milvus": "recommender.catalogue.milvus.loading:push",
}
"""What brings a catalogue to a location of each scheme that can be pushed to; `reach` beside it asks whether there is a
server."""
CLIENTS = {"psycopg": "requirements-postgres.txt", "pymilvus": "requirements-milvus.txt"}
"""Packages that a kind needs beyond what is installed always, and where they are pinned."""

_HOSTS = r"[a-z][a-z0-9+.-]*://[^/,]*(?:,[^/,:?]+(?::\d+)?(?=[/,?]|$))*"
_LOCATION = re.compile(rf"\s*((?:{_HOSTS})?[^,]*)(?:,|$)", re.IGNORECASE)
"""A URL may name several hosts, with commas between them."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def open_catalogue(location: str | Path, library_url: str | None = None) -> Catalogue:
    """Open the catalogue at a location: a folder, or a URL of a kind in `KINDS`; raises a `CatalogueError`.

    library_url: address under which a library's files are served.
    """
    return _kind_of(location).open(_only(location), library_url)


def read_facts(location: str | Path) -> Facts:
    """Read what the catalogue at a location says of itself, without opening it; raises a `CatalogueError`."""
    return _kind_of(location).read_facts(_only(location))


def push(catalogue: Catalogue, location: str, *, progress: bool = True, **options: Any) -> Pushed:
    """Bring an open catalogue into a database, in the place of the one that is current there; options: the engine's
    own. Raises a `CatalogueError`; what is current is then untouched."""
    load: Callable[..., Pushed] = _imported(LOADERS, location, "Nothing can be pushed to")
    return load(catalogue, location, progress=progress, **options)


def is_address(location: str) -> bool:
    """Say whether a text is the address of a database, of whatever kind, and no folder."""
    return _SCHEME.match(location) is not None


def reach(location: str) -> None:
    """Ask a database that will be pushed to whether it answers; raises a `CatalogueError`."""
    modules = {scheme: loader.replace(":push", ":reach") for scheme, loader in LOADERS.items()}
    _imported(modules, location, "Nothing can be pushed to")(location)


def locations(location: str | Path) -> list[str]:
    """Return each of the locations that a text names, with commas between them; a folder may have one in its name."""
    text = str(location)
    if SEVERAL not in text or Path(text).is_dir():
        return [text]
    return [each for found in _LOCATION.findall(text) if (each := found.strip())]


def _only(location: str | Path) -> str | Path:
    """Return the one location that a text names without commas around it; several as they are."""
    places = locations(location)
    return places[0] if len(places) == 1 else location


def _kind_of(location: str | Path) -> type[Catalogue]:
    kind: type[Catalogue] = _imported(KINDS, location, "This version knows no catalogues at")
    return kind


def _imported(known: Mapping[str, str], location: str | Path, refusal: str) -> Any:
    match = _SCHEME.match(str(location))
    scheme = match.group(1).lower() if match else FOLDER
    if SEVERAL in known and len(locations(location)) > 1:
        scheme = SEVERAL
    if scheme not in known:
        # Not the whole location, which may hold a password.
        names = ", ".join(f"{name}://…" if name else "a folder" for name in known if name != SEVERAL)
        where = f"{scheme}://…: put {names} into CATALOGUE." if scheme else f"a folder: name {names}."
        raise NoCatalogue(f"{refusal} {where}")
    # Imported when it is asked for: what a process does not use takes neither time nor memory.
    module, _, name = known[scheme].partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name not in CLIENTS:
            raise
        raise NoCatalogue(
            f"A catalogue at {scheme}://… needs {error.name}: install it with `pip install -r {CLIENTS[error.name]}`."
        ) from None
