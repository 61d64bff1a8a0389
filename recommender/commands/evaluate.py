"""`evaluate DIR`: recall against exact search, latency and label precision, with the seed notebook's vectors beside."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from recommender.catalogue import open_catalogue
from recommender.catalogue.base import Catalogue
from recommender.errors import BuildFailed
from recommender.search.evaluation import Evaluation, evaluate

MOST_CLIPS_BESIDE = 100_000
"""Beyond this the notebook's vectors, ten times the size, are built only when --features asks for it."""
_CALIBRATED = 30
"""Eleven results are asked for, the clip itself and ten: this many is the next that a catalogue is calibrated for."""
_HEADINGS = {
    "clips": "clips",
    "dimension": "dimensions",
    "search_k": "search_k",
    "recall_at_10": "recall@10 against exact search",
    "query_p50_ms": "query p50, ms",
    "query_p99_ms": "query p99, ms",
    "exact_p50_ms": "exact scan p50, ms",
    "precision_at_10": "label precision@10",
    "precision_at_1": "label precision@1",
    "label_queries": "queries with labels",
    "labels_counted": "labels counted",
}


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("evaluate", help="measure a catalogue", description=__doc__)
    command.add_argument("catalogue", metavar="DIR")
    command.add_argument(
        "--features", type=Path, metavar="FEATURES", help="where the frames are; what the catalogue was built from"
    )
    command.add_argument("--labels", type=Path, metavar="CSV", help="class_labels_indices.csv; as at the build")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments.catalogue)
    try:
        measured = [evaluate(catalogue)]
        measured += _beside(catalogue, arguments)
    finally:
        catalogue.close()
    if arguments.json:
        print(json.dumps([evaluation.to_json() for evaluation in measured]))
    else:
        _table(measured)
    return 0


def _beside(catalogue: Catalogue, arguments: argparse.Namespace) -> list[Evaluation]:
    """Measure the notebook's vectors of the same clips, where the frames they are made of are at hand."""
    from recommender.sources import audioset

    extra = catalogue.facts.extra
    features = arguments.features or Path(extra.get("features", ""))
    labels = arguments.labels or Path(extra.get("label_names", ""))
    if catalogue.facts.recipe.kind == "raw-frames" or extra.get("kind") != audioset.KIND:
        return []
    if arguments.features is None and len(catalogue) > MOST_CLIPS_BESIDE:
        sys.stderr.write("raw-frames is left out for so many clips: ask for it with --features.\n")
        return []
    for given in (arguments.features, arguments.labels):
        if given is not None and not given.exists():
            raise BuildFailed(f"There is nothing at {given}: name what the catalogue was built from.")
    if not features.exists() or not labels.is_file():
        sys.stderr.write("raw-frames is left out: name the features and their labels with --features and --labels.\n")
        return []
    ontology = Path(extra["ontology"]) if extra.get("ontology") else None
    selection = audioset.Selection(features, labels, ontology, extra.get("splits", ()), extra.get("only", ()))
    with tempfile.TemporaryDirectory() as folder:
        report = audioset.ReadReport()
        audioset.build(Path(folder) / "raw-frames", selection, "raw-frames", report, most_results=_CALIBRATED)
        raw = open_catalogue(Path(folder) / "raw-frames")
        try:
            return [evaluate(raw)]
        finally:
            raw.close()


def _table(measured: list[Evaluation]) -> None:
    figures = [evaluation.to_json() for evaluation in measured]
    width = max(map(len, _HEADINGS.values()))
    print(f"{'':<{width}}" + "".join(f"  {evaluation.vectors:>12}" for evaluation in measured))
    for name, heading in _HEADINGS.items():
        print(f"{heading:<{width}}" + "".join(f"  {_shown(row[name]):>12}" for row in figures))


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
