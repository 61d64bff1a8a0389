"""What every kind of catalogue has in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recommender.vectors import Recipe


@dataclass(frozen=True, slots=True)
class Calibration:
    """One measurement: with `search_k` (how much the index looks at), the share of the exact `top` results that were
    found, over `sample` queries."""

    top: int
    search_k: int
    recall: float
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a catalogue says of itself. built: ISO time; searchable: clips that have a vector; sources: what clips were
    cut from; labels: how many different ones; extra: what the source of the clips adds, as JSON."""

    id: str
    built: str
    space: str
    recipe: Recipe
    dimension: int
    clips: int
    sources: int
    searchable: int
    labels: int
    target_recall: float
    calibration: tuple[Calibration, ...]
    extra: dict[str, Any] = field(default_factory=dict)
