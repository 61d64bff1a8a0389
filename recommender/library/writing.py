"""Writes a library's catalogue out of what was embedded, where it would differ from the one that stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from recommender.catalogue import open_catalogue
from recommender.catalogue.links import FILES
from recommender.catalogue.local.builder import DEFAULT_TARGET_RECALL, NO_WORDS, ClipBatch, NewClip, write_catalogue
from recommender.catalogue.local.journal import memory_of, prune
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.vocabulary import words_of
from recommender.clips import clip_id
from recommender.embedders import registry
from recommender.errors import BuildFailed, CatalogueError
from recommender.library import copies
from recommender.library.additions import KIND
from recommender.library.changes import Changes
from recommender.library.descriptions import described
from recommender.library.embedding.fingerprints import Fingerprint
from recommender.library.naming import (
    clip_labels,
    file_labels,
    found_by,
    one_spelling,
    shared_folders,
    title_of,
    told_fields,
)
from recommender.library.report import (
    FAILURES,
    INCOMPLETE,
    LEADS_OUT,
    MISSING,
    UNREADABLE,
    Failure,
    Report,
    write_failures,
)
from recommender.library.scanning import EVERYTHING, HERE, Scan
from recommender.library.store import Store, memory_key

NAMING = 6
"""Goes up when clips of the same files are named, titled or labelled otherwise: such catalogues are written anew."""
FILES_PER_BATCH = 200
FINGERPRINTS_KEPT = 1024
_NO_VECTOR = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How the catalogue is built. words: so that it understands words, which takes some seconds."""

    trees: int | None = None
    target_recall: float = DEFAULT_TARGET_RECALL
    words: bool = False


USUAL = IndexOptions()


@dataclass(frozen=True, slots=True)
class Stock:
    """What is known of a folder once it was embedded. space: the embedder's; weights: their folder, where one was
    named."""

    folder: Path
    found: Scan
    changes: Changes
    store: Store
    space: str
    weights: str | None = None

    @property
    def memory(self) -> str:
        """The space and what is done to audio before: by both, analyses are remembered."""
        return memory_key(self.space)

    @property
    def weights_folder(self) -> Path | None:
        """The folder of the weights as a path."""
        return None if self.weights is None else Path(self.weights)


def write(stock: Stock, out: Path, index: IndexOptions, report: Report, progress: bool) -> None:
    """Write the catalogue where it would differ from the one that stands there, and the failures; fills the report.

    Raises `BuildFailed` where nothing can be indexed.
    """
    outcomes = stock.store.outcomes(stock.memory)
    paths_of: dict[str, list[str]] = {}
    for path, sha256 in stock.changes.hashes.items():
        paths_of.setdefault(sha256, []).append(path)
    good = {sha256: paths for sha256, paths in paths_of.items() if outcomes.get(sha256, "") is None}
    report.failures = sorted(_failures(stock, paths_of, outcomes), key=lambda failure: failure.path)
    report.indexed = sum(map(len, good.values()))
    digest = _digest(good, stock, index)
    standing = Manifest.standing(out)
    if standing is not None:
        prune(out, standing, missing_too=not (stock.found.unreadable or stock.changes.missing))
    if not good:
        write_failures(memory_of(out), report.failures)
        raise BuildFailed(_nothing(stock, report, memory_of(out)))
    if (
        standing is not None
        and standing.extra.get("digest") == digest
        and not _projectable(standing, stock)
        and _opens(out)
    ):
        facts = standing.extra
        report.unprojected = bool(facts.get("unprojected"))
        report.clips, report.seconds = standing.clips, float(facts["seconds"])
        report.recordings, report.copies = int(facts["recordings"]), int(facts["copied"])
    else:
        _write_recordings(stock, good, digest, out, index, report, progress)
    write_failures(out, report.failures)


def _write_recordings(
    stock: Stock,
    good: dict[str, list[str]],
    digest: str,
    out: Path,
    index: IndexOptions,
    report: Report,
    progress: bool,
) -> None:
    """Write the catalogue: one source for each recording, whatever number of copies it has."""
    groups = _grouped(good, stock)
    report.recordings = len(groups)
    report.copies = report.indexed - len(groups)
    extra = {
        "kind": KIND,
        "links": FILES,
        "folder": str(stock.folder.resolve()),
        "follow_links": stock.found.selection.follow_links,
        "exclude": list(stock.found.selection.exclude),
        "weights": stock.weights,
        "trees": index.trees,
        "digest": digest,
        "recordings": report.recordings,
        "copied": report.copies,
        "copies": {paths[0]: list(paths[1:]) for paths in groups.values() if len(paths) > 1},
    }
    seconds, spec = _Sum(), registry.of_space(stock.space)
    projection = spec.projection(stock.weights_folder)
    report.unprojected = extra["unprojected"] = bool(spec.directions) and projection is None
    manifest = write_catalogue(
        out,
        space=stock.space,
        preparation=spec.preparation,
        vectors_kind=spec.pooling,
        projection=projection,
        batches=_batches(groups, stock, seconds),
        trees=index.trees,
        target_recall=index.target_recall,
        extra=lambda: {**extra, "seconds": seconds.total},
        words=words_of(stock.space, stock.weights_folder, out) if index.words else NO_WORDS,
        progress=progress,
    )
    report.written, report.clips, report.seconds = True, manifest.clips, seconds.total


def _projectable(standing: Manifest, stock: Stock) -> bool:
    """Say whether a catalogue lacks its projection for want of the weights, and they are here now."""
    spec = registry.of_space(stock.space)
    return bool(standing.extra.get("unprojected")) and spec.projection(stock.weights_folder) is not None


class _Sum:
    def __init__(self) -> None:
        self.total = 0.0


def _failures(stock: Stock, paths_of: dict[str, list[str]], outcomes: dict[str, str | None]) -> Iterator[Failure]:
    failed = [sha256 for sha256 in paths_of if outcomes.get(sha256) is not None]
    for recording in stock.store.recordings(failed, stock.memory):
        if recording.error is not None:
            for path in paths_of[recording.sha256]:
                yield Failure(path, *recording.error)
    for sha256, cause in stock.store.incomplete(stock.memory).items():
        for path in paths_of.get(sha256, ()):
            yield Failure(path, INCOMPLETE, cause)
    for path in stock.found.outside:
        yield Failure(path, LEADS_OUT, "This link leads out of the library: build with --follow-links to follow it.")
    for path, reason in stock.found.unreadable.items():
        folder = path == HERE or path.endswith("/")
        kept = "; what is indexed of it stays" if folder or path in stock.changes.unseen else ""
        yield Failure(path, UNREADABLE, f"{reason}: check its disk, its rights and its name{kept}.")
    for path in stock.changes.missing:
        yield Failure(path, MISSING, "This file was not found, and stays indexed: --remove-missing lets it go.")


def _grouped(good: dict[str, list[str]], stock: Stock) -> dict[str, tuple[str, ...]]:
    """Return, for the content that stands for each recording, all paths of that recording, in the order of paths."""
    known: list[copies.Known] = []
    hashes: list[str] = []

    @lru_cache(FINGERPRINTS_KEPT)
    def fingerprint_of(place: int) -> Fingerprint:
        return stock.store.fingerprint(hashes[place], stock.memory)

    for recording in stock.store.recordings(sorted(good, key=lambda sha256: min(good[sha256])), stock.memory):
        assert recording.analysis is not None  # noqa: S101 - `good` holds nothing that failed
        analysis = recording.analysis
        # Of a hundred thousand small files, which are not compared, vectors would be 400 MB.
        compared = analysis.seconds >= copies.SHORTEST_SECONDS
        mean = np.mean([window.vector for window in analysis.windows], axis=0) if compared else _NO_VECTOR
        known.append(copies.Known(tuple(good[recording.sha256]), analysis.seconds, mean))
        hashes.append(recording.sha256)
    groups: list[tuple[str, tuple[str, ...]]] = []
    for places in copies.group(known, fingerprint_of):
        content = {path: hashes[place] for place in places for path in known[place].paths}
        # Without copies a fingerprint is not asked for.
        frames = {place: int(np.count_nonzero(fingerprint_of(place))) if len(places) > 1 else 0 for place in places}
        paths = copies.best_first({path: frames[place] for place in places for path in known[place].paths})
        groups.append((content[paths[0]], tuple(paths)))
    return dict(sorted(groups, key=lambda entry: entry[1][0]))


def _batches(groups: dict[str, tuple[str, ...]], stock: Stock, seconds: _Sum) -> Iterator[ClipBatch]:
    shared = shared_folders(paths[0] for paths in groups.values())
    labels = {
        sha256: file_labels(groups[sha256][0], described(groups[sha256][0], metadata), shared)
        for sha256, metadata in stock.store.metadata(groups, stock.memory).items()
    }
    spelling = one_spelling(labels.values())
    content = list(groups)
    for first in range(0, len(content), FILES_PER_BATCH):
        clips: list[NewClip] = []
        vectors = []
        for recording in stock.store.recordings(content[first : first + FILES_PER_BATCH], stock.memory):
            assert recording.analysis is not None  # noqa: S101 - as above
            path = groups[recording.sha256][0]
            of_file = [spelling[label] for label in labels[recording.sha256]]
            told = described(path, recording.metadata)
            title = title_of(path, told)
            words = found_by(groups[recording.sha256], told)
            fields = told_fields(title, told)
            seconds.total += recording.analysis.seconds
            for window in recording.analysis.windows:
                tagged = clip_labels(of_file, window.tags)
                clips.append(
                    NewClip(
                        clip_id(path, window.start),
                        path,
                        window.start,
                        window.end,
                        tagged,
                        title,
                        words=words,
                        fields=fields,
                    )
                )
                vectors.append(window.vector)
        yield ClipBatch(clips, np.stack(vectors))


def _digest(good: dict[str, list[str]], stock: Stock, index: IndexOptions) -> str:
    """Name what a catalogue would hold: the same files under the same names, the same digest."""
    files = sorted((min(paths), sorted(paths), sha256) for sha256, paths in good.items())
    made = [stock.memory, registry.of_space(stock.space).directions]
    facts = [NAMING, *made, index.trees, index.target_recall, index.words, files]
    selection = stock.found.selection
    more: list[Any] = [asdict(selection)] if selection != EVERYTHING else []
    if stock.weights is not None:
        more.append(stock.weights)
    return hashlib.sha256(json.dumps([*facts, *more]).encode()).hexdigest()


def require_same_library(folder: Path, out: Path) -> None:
    """Raise `BuildFailed` where a catalogue of something else stands, which running bots would lose."""
    standing = Manifest.standing(out)
    if standing is None:
        return
    before = Path(str(standing.extra.get("folder")))
    if standing.extra.get("kind") != KIND:
        raise BuildFailed(f"{out} holds a catalogue that is no library: name another folder with --out, or delete it.")
    # A folder that is gone was moved to its new name.
    if before != folder.resolve() and before.is_dir():
        raise BuildFailed(f"{out} holds the catalogue of {before}: name another folder with --out, or delete it.")


def _opens(out: Path) -> bool:
    try:
        open_catalogue(out).close()
    except CatalogueError:
        return False
    return True


def _nothing(stock: Stock, report: Report, memory: Path) -> str:
    found = stock.found
    if not found.files and not found.unreadable and not found.outside:
        return f"{stock.folder} holds no audio files: name a folder with WAV, MP3, FLAC, OGG or M4A files."
    causes = "; ".join(sorted({failure.cause for failure in report.failures})[:2])
    return (
        f"None of the {len(found.files)} audio files in {stock.folder} could be indexed: {causes} "
        f"{memory / FAILURES} lists them all."
    )
