"""Builds a catalogue out of a folder of audio, and keeps it in step with the folder."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from recommender.catalogue.local.journal import memory_of
from recommender.errors import BuildFailed, CannotRead
from recommender.library.changes import Changes, compare
from recommender.library.embedding.embedder_pool import EmbedderPool
from recommender.library.embedding.embedding_workers import EmbeddingRun, Outcome, Task
from recommender.library.report import Report
from recommender.library.scanning import EVERYTHING, FoundFile, Scan, Selection, scan
from recommender.library.store import Store, memory_key
from recommender.library.writing import USUAL, IndexOptions, Stock, require_same_library, write
from recommender.terminal import bar_options

HASHING_THREADS = 2
HASH_BLOCK_BYTES = 1 << 20
STAMPS_KEPT_AT_ONCE = 500


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while files were embedded. kept: how many are done and remembered; busy: whether a thread is
    still inside the embedder, so that the process should end without waiting for it."""

    def __init__(self, kept: int, left: int, busy: bool) -> None:
        super().__init__()
        self.kept = kept
        self.left = left
        self.busy = busy


def build(
    folder: Path,
    out: Path,
    pool: EmbedderPool,
    *,
    retry_failed: bool = False,
    remove_missing: bool = False,
    selection: Selection = EVERYTHING,
    index: IndexOptions = USUAL,
    progress: bool = True,
) -> Report:
    """Bring the catalogue at `out` in step with a folder; only content that is new is embedded.

    remove_missing: also where so many files are missing that a disk may be away, which are kept otherwise.

    Raises `BuildFailed` where nothing can be indexed, `EmbedderError` where the embedder is gone, `Interrupted` on
    Ctrl-C: what was embedded is remembered in each case.
    """
    started = time.monotonic()
    found = scan(folder, selection)
    require_same_library(folder, out)
    space = pool.space
    store = Store(memory_of(out))
    try:
        hashes = _hashes(found, store, progress)
        changes = compare(found, hashes, store.indexed(), store.mounts(), remove_missing)
        if not remove_missing:
            _require_embedded(changes, store, memory_key(space))
        if retry_failed:
            store.forget_failures(memory_key(space))
        report = Report(other=found.other, changes=changes, excluded=found.excluded)
        _embed_new(found, hashes, store, pool, report, progress)
        report.took = time.monotonic() - started
        write(Stock(folder, found, changes, store, space, pool.weights), out, index, report, progress)
        store.keep_indexed(changes.hashes, changes.mounts)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BuildFailed(
            f"{out} cannot be written: {reason}. Make room or mend the disk, then build again."
        ) from error
    finally:
        store.close()
    return report


def _hashes(found: Scan, store: Store, progress: bool) -> dict[str, str]:
    """Return each file's sha256; those whose size and times are as before are not read again."""
    known = store.known_stamps()
    hashes = {file.path: known[file.path][1] for file in found.files if known.get(file.path, ((), ""))[0] == file.stamp}
    new = [file for file in found.files if file.path not in hashes]
    bar = tqdm(
        total=sum(file.size for file in new),
        desc="reading",
        unit="B",
        unit_scale=True,
        **bar_options(progress and bool(new)),
    )
    stopping = threading.Event()
    with bar, ThreadPoolExecutor(HASHING_THREADS) as pool:
        try:
            for first in range(0, len(new), STAMPS_KEPT_AT_ONCE):
                some, kept = new[first : first + STAMPS_KEPT_AT_ONCE], []
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
    return hashes


def _require_embedded(changes: Changes, store: Store, space: str) -> None:
    """Raise `BuildFailed` where files that are not within reach would have to be embedded."""
    away = (*changes.unseen, *changes.missing)
    known = store.outcomes(space) if away else {}
    left = [path for path in away if changes.hashes[path] not in known]
    if left:
        raise BuildFailed(
            f"{len(left):,} files of this library are not within reach and would have to be embedded anew, such as "
            f"{left[0]}: bring their disk back, or let them go with --remove-missing."
        )


def _hash(file: FoundFile, stopping: threading.Event) -> str:
    """Return a file's sha256, or `!` and why it cannot be read; Ctrl-C does not wait for the end of a large one."""
    digest = hashlib.sha256()
    try:
        with file.absolute.open("rb") as opened:
            while not stopping.is_set() and (block := opened.read(HASH_BLOCK_BYTES)):
                digest.update(block)
    except OSError as error:
        return f"!{error.strerror or 'cannot be read'}"
    return digest.hexdigest()


def _embed_new(
    found: Scan,
    hashes: dict[str, str],
    store: Store,
    pool: EmbedderPool,
    report: Report,
    progress: bool,
) -> None:
    """Embed all content that is new to this space, and remember it file by file."""
    space = memory_key(pool.space)
    todo = _new_tasks(found, hashes, store.outcomes(space))
    if not todo:
        return

    def count(seconds: float) -> None:
        report.embedded_seconds += seconds

    run = EmbeddingRun(pool.embedders(), todo, count)
    done, size = 0, sum(task.size for task in todo)
    with tqdm(total=size, desc="embedding", unit="B", unit_scale=True, **bar_options(progress)) as bar:
        try:
            for outcome in run.outcomes():
                _keep(outcome, found, store, space, report)
                done += 1
                bar.update(outcome.task.size)
                spent = max(bar.format_dict["elapsed"], 1e-3)
                bar.set_postfix_str(
                    f"{done}/{len(todo)} files, {report.embedded_seconds / 3600:.2f} h of audio, "
                    f"{report.embedded_seconds / spent:.0f}x real time",
                    refresh=False,
                )
        except KeyboardInterrupt:
            for outcome in run.stop():
                _keep(outcome, found, store, space, report)
                done += 1
            raise Interrupted(done, len(todo) - done, run.busy) from None
        except BaseException:
            for outcome in run.stop():
                _keep(outcome, found, store, space, report)
            raise


def _new_tasks(found: Scan, hashes: Mapping[str, str], known: Collection[str]) -> list[Task]:
    """Return what is to be embedded, each content once, in the order of the files.

    Long files first would keep all threads busy to the end; but people like to see their folders in order.
    """
    tasks: dict[str, Task] = {}
    for file in found.files:
        sha256 = hashes.get(file.path)
        if sha256 is not None and sha256 not in known and sha256 not in tasks:
            tasks[sha256] = Task(file.path, file.absolute, sha256, file.size)
    return list(tasks.values())


def _keep(outcome: Outcome, found: Scan, store: Store, space: str, report: Report) -> None:
    if outcome.analysis is not None:
        report.embedded += 1
        lacking = None if outcome.incomplete is None else str(outcome.incomplete)
        store.keep_analysis(outcome.task.sha256, space, outcome.analysis, outcome.metadata, lacking)
    elif isinstance(outcome.error, CannotRead):
        # Content is remembered for good, and this one was not at fault.
        found.unreadable[outcome.task.path] = "it could not be read while it was embedded"
    elif outcome.error is not None:
        store.keep_failure(outcome.task.sha256, space, outcome.error.code, str(outcome.error))
