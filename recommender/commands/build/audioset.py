"""`build audioset FEATURES`: a catalogue out of AudioSet's features."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.catalogue import read_facts
from recommender.catalogue.local.manifest import Manifest
from recommender.commands.build import add_index_options, built_into
from recommender.errors import BuildFailed, CatalogueError
from recommender.spelling import count

if TYPE_CHECKING:
    from recommender.sources.audioset import ReadReport, Selection

PLACES_TOLD = 10
"""Of each kind of damage."""
OWN_LABELS = 100


def register(kinds: Any) -> None:
    """Add the kind `audioset` to the command `build`."""
    command = kinds.add_parser("audioset", help="from AudioSet's features", allow_abbrev=False)
    command.add_argument("features", type=Path, metavar="FEATURES", help="the folder or the tar.gz as Google ships it")
    command.add_argument(
        "--labels", type=Path, required=True, metavar="CSV", help="class_labels_indices.csv: the names of the labels"
    )
    command.add_argument(
        "--ontology", type=Path, metavar="JSON", help="ontology.json; found by itself where it lies beside --labels"
    )
    command.add_argument(
        "--split", nargs="+", action="extend", default=[], metavar="NAME", help="bal_train, unbal_train, eval"
    )
    command.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="LABEL", help="clips with these labels or their kinds"
    )
    command.add_argument(
        "--vectors",
        choices=["mean", "learned", "raw-frames"],
        default="mean",
        help="learned: brings clips with common labels together; raw-frames: the seed notebook's own",
    )
    add_index_options(command, "folder of the catalogue, or the address of a database as for push: see docs/scaling.md")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from recommender.sources import audioset

    try:
        other = read_facts(arguments.out).kind != audioset.KIND
    except CatalogueError:
        other = False
    if other:
        # Not an address, which may hold a password.
        where = arguments.out if isinstance(arguments.out, Path) else "The database"
        raise BuildFailed(f"{where} holds a catalogue of something else: name another place with --out, or delete it.")
    selection = audioset.Selection(
        arguments.features, arguments.labels, arguments.ontology, arguments.split, arguments.only
    )
    if selection.only and selection.kinds() is None:
        sys.stderr.write(
            f"No ontology.json lies beside {arguments.labels}: --only takes these labels without their kinds. "
            "Name the file with --ontology.\n"
        )
    with built_into(arguments.out) as out:
        return _build(arguments, selection, out)


def _build(arguments: argparse.Namespace, selection: Selection, out: Path) -> int:
    from recommender.catalogue.vocabulary import words_of
    from recommender.sources import audioset

    report = audioset.ReadReport()
    try:
        manifest = audioset.build(
            out,
            selection,
            arguments.vectors,
            report,
            trees=arguments.trees,
            target_recall=arguments.target_recall,
            words=words_of(audioset.SPACE, None, out),
        )
    finally:
        _tell_damages(report)
    _warn_of_labels(arguments.labels, report)
    # Of a database, what was built is deleted soon.
    name = str(out) if out == arguments.out else manifest.id
    return _tell(name, arguments.features, manifest, report)


def _tell_damages(report: ReadReport) -> None:
    """Name the first places of each kind of damage, then count the others."""
    told: Counter[str] = Counter()
    for damage in report.damages:
        told[damage.reason] += 1
        if told[damage.reason] <= PLACES_TOLD:
            lost = "; the rest of the file is lost" if damage.rest_lost else ""
            sys.stderr.write(f"damaged: {damage.file} at byte {damage.offset}: {damage.reason}{lost}\n")
    for reason, number in report.reasons.items():
        # Only so many damages are kept in all: of a reason that comes late, none may have been told.
        more = number - min(told[reason], PLACES_TOLD)
        if more:
            sys.stderr.write(f"damaged: {more:,} places more: {reason}\n")


def _warn_of_labels(path: Path, report: ReadReport) -> None:
    """Say what a table of labels changes that is numbered otherwise than the features are, or has fewer."""
    from recommender.sources.ontology import read_label_names

    labels = read_label_names(path)
    renumbered = labels.renumbered()
    # A few labels that name all classes are of features of somebody's own.
    if renumbered is not None and (report.unnamed or len(labels.names) > OWN_LABELS):
        number, example = renumbered
        sys.stderr.write(
            f"warning: {path} numbers {number:,} of its labels otherwise than Google's table, by which its features "
            f"are numbered: {example}. If these are Google's, clips get wrong labels: take its "
            "class_labels_indices.csv.\n"
        )
    if report.unnamed:
        classes = ", ".join(str(index) for index, _ in report.unnamed.most_common(5))
        sys.stderr.write(
            f"warning: {path} has no name for {len(report.unnamed):,} classes of the features ({classes}"
            f"{', …' if len(report.unnamed) > 5 else ''}): {report.unnamed.total():,} labels of clips are left out.\n"
        )


def _tell(name: str, features: Path, manifest: Manifest, report: ReadReport) -> int:
    """Say what was read and written; returns the exit status."""
    if report.damaged:
        sys.stderr.write(f"{count(report.damaged, 'damaged place')}; all else was read.\n")
    measured = manifest.calibration[0]
    print(
        f"{name}: {manifest.clips:,} clips of {report.records:,} records in {report.shards:,} shards; "
        f"recall@{measured.top} {measured.recall:.4f} with search_k {measured.search_k:,}"
    )
    if report.broke_off:
        sys.stderr.write(f"{features} is not whole: fetch it again, and build again for the rest.\n")
        return 1
    return 0
