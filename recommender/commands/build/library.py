"""`build library FOLDER`: a catalogue out of a folder of audio."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from recommender.catalogue.local.manifest import Manifest
from recommender.commands.build import add_index_options
from recommender.embedders import registry
from recommender.errors import BuildFailed, SettingsError
from recommender.library.building import Interrupted, build
from recommender.library.embedding.embedder_pool import EmbedderPool
from recommender.library.report import FAILURES
from recommender.library.scanning import Selection
from recommender.library.unwanted import IGNORE_FILE
from recommender.library.writing import IndexOptions
from recommender.settings import Settings, load
from recommender.spelling import count

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells report it."""


def register(kinds: Any) -> None:
    """Add the kind `library` to the command `build`."""
    parser = kinds.add_parser(
        "library",
        help="from a folder of audio files",
        description="Index a folder of audio files. Run it again after files were added, changed, moved or removed: "
        "only what is new is embedded. Ctrl-C keeps what is done.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of audio files, with folders inside")
    add_index_options(parser)
    add_embedder_options(parser)
    parser.add_argument("--retry-failed", action="store_true", help="try files again that failed before")
    parser.add_argument(
        "--remove-missing",
        action="store_true",
        help="let files go that are not found, be they a tenth of the library or on a disk that is away",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_run)


def add_embedder_options(parser: argparse.ArgumentParser) -> None:
    """Add what says by which embedder files are embedded."""
    parser.add_argument(
        "--embedder",
        choices=registry.names(),
        help=f"embedder in this process (default: as before, else {registry.default().name})",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="folder of the weights; default: WEIGHTS, else as before"
    )
    parser.add_argument(
        "--embedder-url",
        action="append",
        default=[],
        metavar="URL",
        help="embedder service instead; give it several times to share the work among machines",
    )
    parser.add_argument(
        "--follow-links",
        action=argparse.BooleanOptionalAction,
        help="index also what links lead to outside of the folder (default: as before, else not)",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        metavar="GLOB",
        help="leave out what this matches, as in .gitignore; give it several times; '' for none (default: as before). "
        f"The library's own {IGNORE_FILE} is read as well",
    )


def embedder_pool_of(arguments: argparse.Namespace, standing: Manifest | None) -> EmbedderPool:
    """Return the embedders that the options name, else those of the standing catalogue; raises `SettingsError` where
    the options contradict each other."""
    if arguments.embedder and arguments.embedder_url:
        raise SettingsError("--embedder and --embedder-url exclude each other: give one of them.")
    before = None if standing is None else registry.named(standing.space).name
    embedder = arguments.embedder or before or registry.default().name
    weights = arguments.weights or load(Settings).weights
    if weights is None and standing is not None and embedder == before:
        weights = standing.weights
    return EmbedderPool(embedder, weights, arguments.embedder_url)


def selection_of(arguments: argparse.Namespace, standing: Manifest | None) -> Selection:
    """Return what of the folder is taken: as it is said, else as for the standing catalogue."""
    before = standing.extra if standing is not None else {}
    follow_links, exclude = arguments.follow_links, arguments.exclude
    return Selection(
        bool(before.get("follow_links") if follow_links is None else follow_links),
        tuple(before.get("exclude", ()) if exclude is None else filter(None, exclude)),
    )


def _run(arguments: argparse.Namespace) -> int:
    if not isinstance(arguments.out, Path):
        raise BuildFailed(
            "A library is built into a folder, beside which is remembered what was embedded: build it into one with "
            f"`python -m recommender build library {shlex.quote(str(arguments.folder))} --out FOLDER`, and bring it to "
            "the database with `python -m recommender push FOLDER URL`."
        )
    index = IndexOptions(arguments.trees, arguments.target_recall, words=True)
    try:
        standing = Manifest.standing(arguments.out)
        # A library is embedded again as it was before, unless it is said otherwise.
        pool = embedder_pool_of(arguments, standing)
        report = build(
            arguments.folder,
            arguments.out,
            pool,
            retry_failed=arguments.retry_failed,
            remove_missing=arguments.remove_missing,
            selection=selection_of(arguments, standing),
            index=index,
        )
    except Interrupted as stop:
        return say_interrupted(stop)
    for warning in report.warnings():
        sys.stderr.write(f"{warning}\n")
    if arguments.json:
        sys.stdout.write(f"{json.dumps(report.to_json())}\n")
        return 0
    lines = [report.table()]
    if report.failures:
        lines.append(f"{arguments.out / FAILURES} says why, file by file.")
    state = "written" if report.written else "unchanged: nothing differs from the last build"
    lines.append(f"{arguments.out} {state} ({count(report.recordings, 'recording')}, {count(report.clips, 'clip')})")
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


def say_interrupted(stop: Interrupted) -> int:
    """Tell what is kept after Ctrl-C, and end the process where a thread is still inside the embedder."""
    sys.stderr.write(
        f"stopped: {count(stop.kept, 'file')} embedded and kept, {stop.left:,} left. Run the same again to go on.\n"
    )
    if stop.busy:
        # TensorFlow cannot be interrupted, and Python would wait for its threads, or crash in them.
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    return INTERRUPTED
