"""Where weights lie: in a folder, or inside a package of the index, which is found and never imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DEFAULT_FOLDER = Path("weights")
"""Where weights are looked for, and fetched to, when no folder is named."""


def find_in_package(package: str, inside: str) -> Path | None:
    """Return the path of a file or folder of an installed package, None where either is missing."""
    spec = importlib.util.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        path = Path(location) / inside
        if path.exists():
            return path
    return None
