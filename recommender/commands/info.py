"""`info DIR`: what a catalogue holds and how it was measured."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from recommender.catalogue.local.catalogue import Catalogue
from recommender.spelling import shown

COMMONEST_LABELS = 10


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("info", help="what a catalogue holds", description=__doc__)
    command.add_argument("catalogue", type=Path, metavar="DIR")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = Catalogue.open(arguments.catalogue)
    facts = _facts(catalogue)
    catalogue.close()
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<{width}}  {_shown(value)}")
    return 0


def _facts(catalogue: Catalogue) -> dict[str, Any]:
    manifest = catalogue.manifest
    common = sorted(catalogue.table.labels, key=lambda label: (-label.clips, label.name))[:COMMONEST_LABELS]
    return {
        "id": manifest.id,
        "built": manifest.built,
        "space": manifest.space,
        "vectors": f"{manifest.recipe.kind}, {manifest.dimension} dimensions",
        "clips": manifest.clips,
        "searchable": manifest.searchable,
        "sources": manifest.sources,
        "labels": manifest.labels,
        "commonest_labels": {label.name: label.clips for label in common},
        "trees": manifest.trees,
        "target_recall": manifest.target_recall,
        "calibration": [
            {"top": c.top, "search_k": c.search_k, "recall": c.recall, "queries": c.sample}
            for c in manifest.calibration
        ],
        "bytes": {name: facts.bytes for name, facts in manifest.files.items()},
        "extra": manifest.extra,
    }


def _shown(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{shown(name)} {_shown(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(map(_shown, value)) or "none"
    return shown(str(value))
