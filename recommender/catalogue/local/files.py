"""The files of a catalogue in a folder."""

from __future__ import annotations

from dataclasses import dataclass

MANIFEST = "manifest.json"
CLIPS = "clips.sqlite"
VECTORS = "vectors.npy"
"""Not of large catalogues: their index holds the same vectors."""
INDEX = "index.ann"
NEIGHBOURS = "neighbours.npy"
"""Only of large catalogues."""
PROJECTION = "projection.npy"
"""Only where the recipe has one."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Size and sha256 of one file of the catalogue."""

    bytes: int
    sha256: str
