"""Builds a catalogue out of a folder of audio, and keeps it in step with the folder."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from recommender.builder import DEFAULT_TARGET_RECALL, ClipBatch, NewClip, write_catalogue
from recommender.catalogue import FILES
from recommender.clip_table import ClipTable
from recommender.errors import BuildFailed, CatalogueError
from recommender.library import copies
from recommender.library.additions import KIND, forget_built, memory_of
from recommender.library.ears import Ears
from recommender.library.fingerprints import Fingerprint
from recommender.library.listening import Listening, Outcome, Task
from recommender.library.naming import clip_id, clip_labels, file_labels, one_spelling, shared_folders, title_of
from recommender.library.report import FAILURES, UNREADABLE, Failure, Report, write_failures
from recommender.library.scanning import FoundFile, Scan, scan
from recommender.library.store import Store
from recommender.manifest import CLIPS, Manifest

NAMING = 2
"""Goes up when clips of the same files are named, titled or labelled otherwise: such catalogues are written anew."""
HASHING_THREADS = 2
HASH_BLOCK_BYTES = 1 << 20
STAMPS_KEPT_AT_ONCE = 500
FILES_PER_BATCH = 200
FINGERPRINTS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How the catalogue's index is built."""

    trees: int | None = None
    target_recall: float = DEFAULT_TARGET_RECALL


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while files were listened to. kept: how many were heard and are remembered; busy: whether a thread is
    still inside the embedder, so that the process should end without waiting for it."""

    def __init__(self, kept: int, left: int, busy: bool) -> None:
        super().__init__()
        self.kept = kept
        self.left = left
        self.busy = busy


def build(
    folder: Path,
    out: Path,
    ears: Ears,
    *,
    retry_failed: bool = False,
    index: IndexOptions = IndexOptions(),
    progress: bool = True,
) -> Report:
    """Bring the catalogue at `out` in step with a folder; only content that was never heard is listened to.

    Raises `BuildFailed` where nothing can be indexed,
    `EmbedderError` where the embedder is gone, `Interrupted` on Ctrl-C: what was heard is remembered in each case.
    """
    started = time.monotonic()
    found = scan(folder)
    space = ears.space
    store = Store(memory_of(out))
    try:
        hashes = _hashes(found, store, progress)
        if retry_failed:
            store.forget_failures(space)
        report = Report(other=found.other)
        _listen(found, hashes, store, ears, report, progress)
        report.took = time.monotonic() - started
        _finish(folder, out, found, hashes, store, space, index, report, progress)
    finally:
        store.close()
    return report


def _hashes(found: Scan, store: Store, progress: bool) -> dict[str, str]:
    """Give each file's sha256; those whose size and times are as before are not read again."""
    known = store.known_stamps()
    hashes = {file.path: known[file.path][1] for file in found.files if known.get(file.path, ((), ""))[0] == file.stamp}
    new = [file for file in found.files if file.path not in hashes]
    bar = tqdm(total=sum(file.size for file in new), desc="reading", unit="B", unit_scale=True, **_bar(progress, new))
    stopping = threading.Event()
    with bar, ThreadPoolExecutor(HASHING_THREADS) as pool:
        try:
            for some in _chunks(new, STAMPS_KEPT_AT_ONCE):
                kept = []
                for file, digest in zip(some, pool.map(lambda file: _hash(file, stopping), some), strict=True):
                    bar.update(file.size)
                    if digest.startswith("!"):
                        found.unreadable[file.path] = digest[1:]
                    else:
                        kept.append((file, digest))
                store.keep_stamps(kept)
                hashes.update((file.path, digest) for file, digest in kept)
        except BaseException:
            stopping.set()
            pool.shutdown(cancel_futures=True)
            raise
    present = {file.path for file in found.files}
    gone = [path for path in known if path not in present]
    if gone:
        store.forget_stamps(gone)
    return hashes


def _hash(file: FoundFile, stopping: threading.Event) -> str:
    """Give a file's sha256, or `!` and why it cannot be read; Ctrl-C does not wait for the end of a large one."""
    digest = hashlib.sha256()
    try:
        with file.absolute.open("rb") as opened:
            while not stopping.is_set() and (block := opened.read(HASH_BLOCK_BYTES)):
                digest.update(block)
    except OSError as error:
        return f"!{error.strerror or 'cannot be read'}"
    return digest.hexdigest()


def _listen(
    found: Scan,
    hashes: dict[str, str],
    store: Store,
    ears: Ears,
    report: Report,
    progress: bool,
) -> None:
    """Hear all content that was never heard in this space, and remember it file by file."""
    space = ears.space
    known = store.outcomes(space)
    tasks: dict[str, Task] = {}
    for file in found.files:
        sha256 = hashes.get(file.path)
        if sha256 is not None and sha256 not in known and sha256 not in tasks:
            tasks[sha256] = Task(file.path, file.absolute, sha256, file.size)
    # Long files first would keep all threads busy to the end; but people like to see their folders in order.
    todo = list(tasks.values())
    bar = tqdm(
        total=sum(task.size for task in todo), desc="listening", unit="B", unit_scale=True, **_bar(progress, todo)
    )

    def count(seconds: float) -> None:
        report.heard_seconds += seconds

    if not todo:
        return
    run = Listening(ears.embedders(), todo, count)
    done = 0
    with bar:
        try:
            for outcome in run.outcomes():
                _keep(outcome, store, space, report)
                done += 1
                bar.update(outcome.task.size)
                spent = max(bar.format_dict["elapsed"], 1e-3)
                bar.set_postfix_str(
                    f"{done}/{len(todo)} files, {report.heard_seconds / 3600:.2f} h of audio, "
                    f"{report.heard_seconds / spent:.0f}x real time",
                    refresh=False,
                )
        except KeyboardInterrupt:
            for outcome in run.stop():
                _keep(outcome, store, space, report)
                done += 1
            raise Interrupted(done, len(todo) - done, run.busy) from None
        except BaseException:
            for outcome in run.stop():
                _keep(outcome, store, space, report)
            raise


def _keep(outcome: Outcome, store: Store, space: str, report: Report) -> None:
    if outcome.heard is not None:
        report.heard += 1
        store.keep_heard(outcome.task.sha256, space, outcome.heard, outcome.metadata)
    elif outcome.error is not None:
        store.keep_failure(outcome.task.sha256, space, outcome.error.code, str(outcome.error))


def _finish(
    folder: Path,
    out: Path,
    found: Scan,
    hashes: dict[str, str],
    store: Store,
    space: str,
    index: IndexOptions,
    report: Report,
    progress: bool,
) -> None:
    """Write the catalogue where it would differ from the one that stands there, and the failures."""
    outcomes = store.outcomes(space)
    paths_of: dict[str, list[str]] = {}
    for path, sha256 in hashes.items():
        paths_of.setdefault(sha256, []).append(path)
    good = {sha256: paths for sha256, paths in paths_of.items() if outcomes.get(sha256, "") is None}
    report.failures = sorted(_failures(found, paths_of, outcomes, store, space), key=lambda failure: failure.path)
    report.indexed = sum(map(len, good.values()))
    digest = _digest(good, space, index)
    standing = _standing(out)
    if standing is not None:
        _forget_added(out, standing)
    if not good:
        write_failures(memory_of(out), report.failures)
        raise BuildFailed(_nothing(folder, found, report, memory_of(out)))
    if standing is not None and standing.extra.get("digest") == digest:
        facts = standing.extra
        report.clips, report.seconds = standing.clips, float(facts["seconds"])
        report.recordings, report.copies = int(facts["recordings"]), int(facts["copied"])
    else:
        groups = _grouped(good, store, space)
        report.recordings = len(groups)
        report.copies = report.indexed - len(groups)
        extra = {
            "kind": KIND,
            "links": FILES,
            "folder": str(folder.resolve()),
            "trees": index.trees,
            "digest": digest,
            "recordings": report.recordings,
            "copied": report.copies,
            "copies": {paths[0]: list(paths[1:]) for paths in groups.values() if len(paths) > 1},
        }
        seconds = _Sum()
        manifest = write_catalogue(
            out,
            space=space,
            vectors_kind="mean",
            batches=_batches(groups, store, space, seconds),
            trees=index.trees,
            target_recall=index.target_recall,
            extra=lambda: {**extra, "seconds": seconds.total},
            progress=progress,
        )
        report.written, report.clips, report.seconds = True, manifest.clips, seconds.total
    write_failures(out, report.failures)


class _Sum:
    def __init__(self) -> None:
        self.total = 0.0


def _failures(
    found: Scan, paths_of: dict[str, list[str]], outcomes: dict[str, str | None], store: Store, space: str
) -> Iterator[Failure]:
    failed = [sha256 for sha256 in paths_of if outcomes.get(sha256) is not None]
    for recording in store.recordings(failed, space):
        if recording.error is not None:
            for path in paths_of[recording.sha256]:
                yield Failure(path, *recording.error)
    for path, reason in found.unreadable.items():
        yield Failure(path, UNREADABLE, f"{reason}: check the file's rights and its name.")


def _grouped(good: dict[str, list[str]], store: Store, space: str) -> dict[str, tuple[str, ...]]:
    """Give, for the content that stands for each recording, all paths of that recording, in the order of paths."""
    known: list[copies.Known] = []
    hashes: list[str] = []

    @lru_cache(FINGERPRINTS_KEPT)
    def fingerprint_of(place: int) -> Fingerprint:
        return store.fingerprint(hashes[place], space)

    for recording in store.recordings(sorted(good, key=lambda sha256: min(good[sha256])), space):
        assert recording.heard is not None  # noqa: S101 - `good` holds what was heard alone
        heard = recording.heard
        mean = np.mean([window.vector for window in heard.windows], axis=0)
        known.append(copies.Known(tuple(good[recording.sha256]), heard.seconds, mean))
        hashes.append(recording.sha256)
    groups: list[tuple[str, tuple[str, ...]]] = []
    for places in copies.group(known, fingerprint_of):
        content = {path: hashes[place] for place in places for path in known[place].paths}
        paths = copies.best_first(list(content))
        groups.append((content[paths[0]], tuple(paths)))
    return dict(sorted(groups, key=lambda entry: entry[1][0]))


def _batches(groups: dict[str, tuple[str, ...]], store: Store, space: str, seconds: _Sum) -> Iterator[ClipBatch]:
    shared = shared_folders(paths[0] for paths in groups.values())
    labels = {
        sha256: file_labels(groups[sha256][0], metadata, shared)
        for sha256, metadata in store.metadata(groups, space).items()
    }
    spelling = one_spelling(labels.values())
    for some in _chunks(list(groups), FILES_PER_BATCH):
        clips: list[NewClip] = []
        vectors = []
        for recording in store.recordings(some, space):
            assert recording.heard is not None  # noqa: S101 - as above
            path = groups[recording.sha256][0]
            of_file = [spelling[label] for label in labels[recording.sha256]]
            title = title_of(path, dict(recording.metadata))
            seconds.total += recording.heard.seconds
            for window in recording.heard.windows:
                tagged = clip_labels(of_file, window.tags)
                clips.append(NewClip(clip_id(path, window.start), path, window.start, window.end, tagged, title))
                vectors.append(window.vector)
        yield ClipBatch(clips, np.stack(vectors))


def _digest(good: dict[str, list[str]], space: str, index: IndexOptions) -> str:
    """Name what a catalogue would hold: the same files under the same names, the same digest."""
    files = sorted((min(paths), sorted(paths), sha256) for sha256, paths in good.items())
    content = json.dumps([NAMING, space, index.trees, index.target_recall, files])
    return hashlib.sha256(content.encode()).hexdigest()


def _forget_added(out: Path, standing: Manifest) -> None:
    """Empty the journal of what the catalogue that stands holds: running processes have it from there by now."""
    try:
        table = ClipTable(out / CLIPS)
    except CatalogueError:
        return
    try:
        held = {copy for paths in standing.extra.get("copies", {}).values() for copy in paths}
        forget_built(out, lambda path: path in held or bool(table.items_of_source(path)))
    finally:
        table.close()


def _standing(out: Path) -> Manifest | None:
    try:
        return Manifest.read(out)
    except CatalogueError:
        return None


def _nothing(folder: Path, found: Scan, report: Report, memory: Path) -> str:
    if not found.files and not found.unreadable:
        return f"{folder} holds no audio files: name a folder with WAV, MP3, FLAC, OGG or M4A files."
    causes = "; ".join(sorted({failure.cause for failure in report.failures})[:2])
    return (
        f"None of the {len(found.files)} audio files in {folder} could be indexed: {causes} "
        f"{memory / FAILURES} lists them all."
    )


def _bar(progress: bool, work: Sequence[Any]) -> dict[str, Any]:
    return {"disable": None if progress and work else True, "dynamic_ncols": True}


def _chunks(items: Sequence[Any], size: int) -> Iterable[Any]:
    return (items[i : i + size] for i in range(0, len(items), size))
