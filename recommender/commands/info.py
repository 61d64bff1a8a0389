"""`info DIR`: what a catalogue holds and how it was measured."""

from __future__ import annotations

import argparse
import json
from typing import Any

from recommender.catalogue import open_catalogue
from recommender.catalogue.base import Catalogue
from recommender.spelling import shown

COMMONEST_LABELS = 10
MOST_SHOWN = 24
"""Longer lists are for programs; people are told how long they are."""


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("info", help="what a catalogue holds", description=__doc__)
    command.add_argument("catalogue", metavar="DIR")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments.catalogue)
    try:
        facts = _facts(catalogue)
    finally:
        catalogue.close()
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<{width}}  {_shown(value)}")
    return 0


def _facts(catalogue: Catalogue) -> dict[str, Any]:
    facts, counts = catalogue.facts, catalogue.label_counts()
    common = sorted(counts, key=lambda label: (-counts[label], label))[:COMMONEST_LABELS]
    return {
        "id": facts.id,
        "built": facts.built,
        "space": facts.space,
        "vectors": f"{facts.recipe.kind}, {facts.dimension} dimensions",
        "clips": facts.clips,
        "searchable": facts.searchable,
        "sources": facts.sources,
        "labels": facts.labels,
        "commonest_labels": {label: counts[label] for label in common},
        "target_recall": facts.target_recall,
        "calibration": [
            {"top": c.top, "search_k": c.search_k, "recall": c.recall, "queries": c.sample} for c in facts.calibration
        ],
        **catalogue.describe(),
        "extra": facts.extra,
    }


def _shown(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict | list) and len(value) > MOST_SHOWN:
        return f"{len(value):,} (--json has them)"
    if isinstance(value, dict):
        return ", ".join(f"{shown(name)} {_shown(part)}" for name, part in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "; ".join(map(_shown, value)) or "none"
    return shown(str(value))
