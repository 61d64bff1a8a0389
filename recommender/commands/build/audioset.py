"""`build audioset FEATURES`: a catalogue out of AudioSet's features."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.catalogue.local.manifest import Manifest
from recommender.commands.build import add_index_options
from recommender.errors import BuildFailed

if TYPE_CHECKING:
    from recommender.sources.audioset import ReadReport


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
    add_index_options(command)
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from recommender.catalogue.vocabulary import words_of
    from recommender.sources import audioset

    standing = Manifest.standing(arguments.out)
    if standing is not None and standing.extra.get("kind") != audioset.KIND:
        raise BuildFailed(
            f"{arguments.out} holds a catalogue of something else: name another folder with --out, or delete it."
        )
    selection = audioset.Selection(
        arguments.features, arguments.labels, arguments.ontology, arguments.split, arguments.only
    )
    if selection.only and selection.kinds() is None:
        sys.stderr.write(
            f"No ontology.json lies beside {arguments.labels}: --only takes these labels without their kinds. "
            "Name the file with --ontology.\n"
        )
    report = audioset.ReadReport()
    manifest = audioset.build(
        arguments.out,
        selection,
        arguments.vectors,
        report,
        trees=arguments.trees,
        target_recall=arguments.target_recall,
        words=words_of(audioset.SPACE, None, arguments.out),
    )
    return _tell(arguments.out, arguments.features, manifest, report)


def _tell(out: Path, features: Path, manifest: Manifest, report: ReadReport) -> int:
    """Say what was read and written; returns the exit status."""
    for damage in report.damages:
        lost = "; the rest of the file is lost" if damage.rest_lost else ""
        sys.stderr.write(f"damaged: {damage.file} at byte {damage.offset}: {damage.reason}{lost}\n")
    if report.damaged:
        sys.stderr.write(f"{report.damaged:,} damaged places; all else was read.\n")
    measured = manifest.calibration[0]
    print(
        f"{out}: {manifest.clips:,} clips of {report.records:,} records in {report.shards:,} shards; "
        f"recall@{measured.top} {measured.recall:.4f} with search_k {measured.search_k:,}"
    )
    if report.broke_off:
        sys.stderr.write(f"{features} is not whole: fetch it again, and build again for the rest.\n")
        return 1
    return 0
