"""`watch DIR`: rebuild a library's catalogue whenever its folder changes."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from recommender.catalogue.local.manifest import Manifest
from recommender.errors import BuildFailed, SoundalikeError
from recommender.library.report import Report
from recommender.spelling import count, shown

SECONDS_PER_MINUTE = 60.0
DEFAULT_MINUTES = 5.0
LOOK_SECONDS = 15.0
"""How often the folder is looked through: ten thousand files take a quarter of a second."""


def register(subparsers: Any) -> None:
    """Add the command."""
    from recommender.commands.build.library import add_embedder_options

    parser = subparsers.add_parser("watch", help="rebuild a library's catalogue whenever its folder changes")
    parser.add_argument("catalogue", type=Path, metavar="DIR", help="catalogue made by `build library`")
    parser.add_argument("--folder", type=Path, help="folder of audio files (default: the one it was built from)")
    parser.add_argument(
        "--every", type=_minutes, default=DEFAULT_MINUTES, metavar="MINUTES", help="rebuild at most this often (5)"
    )
    parser.add_argument("--look", type=float, default=LOOK_SECONDS, metavar="SECONDS", help="look this often (15)")
    add_embedder_options(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON per rebuild")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Watch until Ctrl-C or SIGTERM; raises `BuildFailed` for the catalogue of no library."""
    from recommender.commands.build.library import embedder_pool_of, say_interrupted, selection_of
    from recommender.library.additions import KIND
    from recommender.library.building import Interrupted
    from recommender.library.watching import Watch
    from recommender.library.writing import IndexOptions

    manifest = Manifest.read(arguments.catalogue)
    folder = arguments.folder or manifest.extra.get("folder")
    if manifest.kind != KIND or folder is None:
        raise BuildFailed(f"{arguments.catalogue} was not built from a folder: watch the catalogue of a library.")

    teller = _Teller(arguments.json)
    watch = Watch(
        Path(folder),
        arguments.catalogue,
        embedder_pool_of(arguments, manifest),
        every=arguments.every * SECONDS_PER_MINUTE,
        look=arguments.look,
        index=IndexOptions(manifest.extra.get("trees", manifest.trees), manifest.target_recall, words=True),
        selection=selection_of(arguments, manifest),
        on_built=teller.built,
        on_trouble=teller.trouble,
    )
    if not arguments.json:
        print(f"watching {folder} for {arguments.catalogue}; Ctrl-C ends it", flush=True)
    try:
        watch.run()
    except Interrupted as stop:
        return say_interrupted(stop)
    except KeyboardInterrupt:
        return 0
    return 0


class _Teller:
    """Prints what became of each rebuild; a warning or a failure that lasts is told once."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._told: list[str] = []

    def built(self, report: Report) -> None:
        """Tell of a rebuild."""
        warnings = list(report.warnings())
        for warning in warnings:
            if warning not in self._told:
                _complain(warning)
        self._told = warnings
        if self._as_json:
            print(json.dumps(report.to_json()), flush=True)
        elif report.written:
            failed = f", {len(report.failures):,} skipped, failed or incomplete" if report.failures else ""
            embedded = f"{count(report.recordings, 'recording')}, {count(report.embedded, 'file')} embedded"
            print(f"{_now()} {embedded}{failed}", flush=True)

    def trouble(self, error: SoundalikeError) -> None:
        """Tell of a rebuild that failed."""
        if self._told[-1:] != [str(error)]:
            self._told = [str(error)]
            _complain(f"{error.code}: {shown(str(error))}")


def _complain(text: str) -> None:
    sys.stderr.write(f"{_now()} {text}\n")
    sys.stderr.flush()


def _minutes(text: str) -> float:
    value = float(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _now() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
