"""Weights that come inside a package of the index: the package is found, never imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def find_in_package(package: str, inside: str) -> Path | None:
    """Return the path of a file or folder of an installed package, None where either is missing."""
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        path = Path(location) / inside
        if path.exists():
            return path
    return None
