"""AudioSet's features as Google ships them, folder or tar.gz, turned into batches of clips on all cores."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import tarfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tqdm import tqdm

from recommender.catalogue.links import YOUTUBE
from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.catalogue.local.manifest import Manifest
from recommender.errors import BuildFailed
from recommender.sources.ontology import Ontology, class_indices, find_ontology, read_label_names
from recommender.sources.prefetch import ahead
from recommender.sources.shards import Read, Wanted, read
from recommender.sources.tfrecord import UNREADABLE, Damage, RecordPiece, pieces
from recommender.terminal import bar_options

KIND = "audioset"
SPACE = "vggish-pca"
SUFFIX = ".tfrecord"
BATCH_BYTES = 4 << 20
"""Records handed to a worker at a time: Google's shards of bal_train hold 8 kB each."""
BATCHES_AHEAD = 2
"""Batches per worker that are read before their turn; bounds the memory of a build."""
DAMAGES_KEPT = 1000
"""Places that the report names; beyond it they are only counted."""


@dataclass
class ReadReport:
    """What was read and what was not. bytes: of shards; skipped: clips without a wanted label; reasons: how often each
    kind of damage was met; unnamed: how often each class that the table of labels does not name; broke_off: the archive
    ended too early."""

    shards: int = 0
    bytes: int = 0
    records: int = 0
    skipped: int = 0
    damaged: int = 0
    damages: list[Damage] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[int] = field(default_factory=Counter)
    broke_off: bool = False

    def add(self, damages: Iterable[Damage]) -> None:
        """Count damages, and name the first thousand."""
        for damage in damages:
            self.damaged += 1
            self.reasons[damage.reason] += 1
            if len(self.damages) < DAMAGES_KEPT:
                self.damages.append(damage)

    def to_json(self) -> dict[str, Any]:
        """Return the report as the manifest keeps it."""
        plain = asdict(replace(self, reasons=Counter(), unnamed=Counter()))
        return plain | {"reasons": dict(self.reasons), "unnamed": {str(k): n for k, n in sorted(self.unnamed.items())}}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of AudioSet's clips: features is the folder or the tar.gz as Google ships it, labels its
    class_labels_indices.csv, ontology its ontology.json, found beside the labels where None; splits and only are names,
    all where there are none."""

    features: Path
    labels: Path
    ontology: Path | None = None
    splits: Sequence[str] = ()
    only: Sequence[str] = ()

    def kinds(self) -> Ontology | None:
        """Read the ontology where it is needed, None where it is not there; raises `BuildFailed`."""
        return find_ontology(self.ontology, self.labels) if self.only or self.ontology else None

    def to_json(self) -> dict[str, Any]:
        """Return the selection as the manifest keeps it."""
        return {
            "features": str(self.features.resolve()),
            "label_names": str(self.labels.resolve()),
            "ontology": str(self.ontology.resolve()) if self.ontology else None,
            "splits": self.splits,
            "only": self.only,
        }


def build(out: Path, selection: Selection, vectors: str, report: ReadReport, **index: Any) -> Manifest:
    """Write a catalogue of a selection, and fill the report.

    vectors: their kind, and index: what is told of it, as `write_catalogue` takes them. Raises `BuildFailed`,
    `UnknownLabel`.
    """
    labels, kinds = read_label_names(selection.labels), selection.kinds()
    only = class_indices(selection.only, labels, kinds) if selection.only else None
    read_of = batches(selection.features, Wanted(labels.names, only, vectors), splits=selection.splits, report=report)
    read_of = _not_empty(read_of, selection.features, report)
    return write_catalogue(
        out,
        space=SPACE,
        vectors_kind=vectors,
        batches=read_of,
        extra=lambda: {"kind": KIND, "links": YOUTUBE, **selection.to_json(), "read": report.to_json()},
        **index,
    )


def _not_empty(read_of: Iterator[ClipBatch], features: Path, report: ReadReport) -> Iterator[ClipBatch]:
    """Pass batches on; raises `BuildFailed` with the reason where no record could be used."""
    yield from read_of
    if not report.records and report.damaged:
        reason, count = report.reasons.most_common(1)[0]
        raise BuildFailed(
            f"No record in {features} can be used; at {count:,} of {report.damaged:,} places the reason is: {reason}."
        )


def batches(
    features: Path,
    wanted: Wanted,
    *,
    splits: Sequence[str] = (),
    report: ReadReport,
    workers: int | None = None,
    progress: bool = True,
) -> Iterator[ClipBatch]:
    """Read all shards, or those of some splits, and fill the report; raises `BuildFailed`."""
    # Unpacking lets go of Python's lock, so that a thread for it takes a third of the time off this one.
    work = ahead(_batched(_all_pieces(features, splits, report, progress)), BATCHES_AHEAD)
    for done in _in_order(work, wanted, workers or os.cpu_count() or 1):
        report.records += done.records
        report.skipped += done.records - len(done.clips)
        report.add(done.damages)
        report.unnamed.update(done.unnamed)
        if done.clips:
            yield ClipBatch([NewClip(*clip) for clip in done.clips], done.vectors)


def _in_order(work: Iterator[list[RecordPiece]], wanted: Wanted, workers: int) -> Iterator[Read]:
    """Read batches in child processes, a few ahead, and yield the results in the order of the batches."""
    first = next(work, None)
    second = next(work, None) if first is not None else None
    if first is None or second is None or workers == 1:
        # Starting a process takes longer than reading one batch.
        for batch in (first, second):
            if batch is not None:
                yield read(batch, wanted)
        for batch in work:
            yield read(batch, wanted)
        return
    waiting: deque[Future[Read]] = deque()
    # A fork of a process with threads (tqdm's, a library's) may deadlock: children start afresh.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            for batch in itertools.chain((first, second), work):
                waiting.append(pool.submit(read, batch, wanted))
                if len(waiting) > BATCHES_AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise BuildFailed("A reading process was killed: free some memory, then build again.") from None
        finally:
            for future in waiting:
                future.cancel()


def _batched(work: Iterable[RecordPiece]) -> Iterator[list[RecordPiece]]:
    """Put pieces together until there is enough for a worker."""
    batch: list[RecordPiece] = []
    size = 0
    for piece in work:
        batch.append(piece)
        size += len(piece.data)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _all_pieces(features: Path, splits: Sequence[str], report: ReadReport, progress: bool) -> Iterator[RecordPiece]:
    total = features.stat().st_size if features.is_file() else None
    seen_splits: set[str] = set()
    with tqdm(total=total, desc="reading", unit="B", unit_scale=True, **bar_options(progress)) as bar:
        for name, stream, done in _shards(features, report):
            split = PurePosixPath(name).parent.name
            seen_splits.add(split)
            if splits and split not in splits:
                continue
            report.shards += 1
            try:
                for piece in pieces(name, stream):
                    report.bytes += len(piece.data)
                    yield piece
            except UNREADABLE as error:
                report.add([Damage(name, stream.tell(), f"the file cannot be read on: {error}", True)])
            bar.update(done() - bar.n)
    missing = sorted(set(splits) - seen_splits)
    if missing or not seen_splits:
        found = ", ".join(sorted(seen_splits)) or "none"
        what = f"the split {missing[0]}" if missing else f"a {SUFFIX} file"
        raise BuildFailed(f"{features} does not hold {what} (splits found: {found}): check the path and --split.")


def _shards(features: Path, report: ReadReport) -> Iterator[tuple[str, IO[bytes], Callable[[], int]]]:
    """Return each shard's name, its bytes as a stream, and a function that tells how many bytes have been read of
    all."""
    if features.is_dir():
        yield from _shards_of_folder(features, report)
    elif features.suffix == SUFFIX:
        with _opened(features) as stream:
            yield features.name, stream, stream.tell
    elif features.is_file():
        yield from _shards_of_archive(features, report)
    else:
        raise BuildFailed(f"There is nothing at {features}: name the folder or the tar.gz of AudioSet's features.")


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise BuildFailed(f"{path} cannot be read ({error.strerror}): check its rights and its disk.") from None


def _shards_of_folder(folder: Path, report: ReadReport) -> Iterator[tuple[str, IO[bytes], Callable[[], int]]]:
    read = 0
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        if not _is_shard(path.name):
            continue
        name = path.relative_to(folder.parent).as_posix()
        try:
            stream = path.open("rb")
        except OSError as error:
            report.add([Damage(name, 0, f"the file cannot be opened: {error.strerror}", True)])
            continue
        with stream:
            yield name, stream, partial(_told, stream, read)
            read += stream.tell()


def _is_shard(name: str) -> bool:
    """Say whether a file is a shard, and not what macOS puts beside each."""
    return name.endswith(SUFFIX) and not PurePosixPath(name).name.startswith("._")


def _told(stream: IO[bytes], before: int) -> int:
    return before + stream.tell()


def _shards_of_archive(path: Path, report: ReadReport) -> Iterator[tuple[str, IO[bytes], Callable[[], int]]]:
    with _opened(path) as packed:
        member = None
        try:
            # A stream ("r|*") never seeks, and keeps no list of what went by.
            with tarfile.open(fileobj=packed, mode="r|*") as archive:
                for member in archive:
                    archive.members = []  # type: ignore[attr-defined]
                    stream = archive.extractfile(member) if member.isreg() and _is_shard(member.name) else None
                    if stream is not None:
                        yield member.name, stream, packed.tell
        except UNREADABLE as error:
            if member is None:
                raise BuildFailed(f"{path} is no tar archive ({error}): give the folder or the tar.gz.") from None
            after = f"the archive breaks off or is damaged after {member.name} ({error})"
            report.add([Damage(path.name, packed.tell(), after, True)])
            report.broke_off = True
