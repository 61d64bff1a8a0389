"""Writes a catalogue out of clips and their vectors: as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from recommender.audio.preparation import PLAIN
from recommender.catalogue.base import Calibration, Items, Vectors
from recommender.catalogue.exact import nearest
from recommender.catalogue.known_answer import KnownAnswer
from recommender.catalogue.local import index as annoy_index
from recommender.catalogue.local import neighbours
from recommender.catalogue.local.calibration import CALIBRATED_TOPS, MOST_RESULTS, calibrate
from recommender.catalogue.local.clip_table import ClipTable, ClipTableWriter
from recommender.catalogue.local.files import CLIPS, INDEX, MANIFEST, NEIGHBOURS, PROJECTION, VECTORS, FileFacts
from recommender.catalogue.local.finder import Finder, Lists
from recommender.catalogue.local.index import Index
from recommender.catalogue.local.manifest import ANNOY, Manifest
from recommender.catalogue.local.projection import Learner
from recommender.catalogue.local.staging import staged
from recommender.catalogue.local.vector_file import VectorFile, finish_vectors, in_index, mapped
from recommender.catalogue.noise import EXTRA as NOISE_FLOOR
from recommender.catalogue.noise import noise_floor
from recommender.catalogue.recall import spread
from recommender.catalogue.vocabulary import EXTRA as VOCABULARY
from recommender.catalogue.vocabulary import WordsBuilder
from recommender.clips import Fields
from recommender.errors import BuildFailed
from recommender.terminal import bar_options
from recommender.vectors import Recipe

MANY_TREES, FEW_TREES = 100, 20
"""Many trees where the index answers alone; few where it only finds what the lists of neighbours begin at."""
DEFAULT_TARGET_RECALL = 0.99
FEWEST_CLIPS_TO_CENTRE = 20
"""The mean of fewer clips is mostly those clips themselves: taking it away would set each against the others."""
KNOWN_ANSWERS = 8
KNOWN_RESULTS = 10
KNOWN_CANDIDATES = 64
"""Items that are tried as known answers: those that the index answers exactly are kept."""
HASH_BLOCK_BYTES = 1 << 20
NO_WORDS = WordsBuilder()


class NewClip(NamedTuple):
    """A clip that goes into a catalogue. start and end in seconds; title: what people see, the source where None;
    url: plays the clip at its start, where it does not follow from the kind of source; words: what else its source is
    found by in words, beside the title; fields: what its file says of itself, by names."""

    clip_id: str
    source: str
    start: float
    end: float
    labels: tuple[str, ...] = ()
    title: str | None = None
    url: str | None = None
    words: str = ""
    fields: Fields = ()


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Some clips and their vectors, float32 (n, d), neither centred nor scaled."""

    clips: Sequence[NewClip]
    vectors: NDArray[np.float32]


def write_catalogue(
    out: Path,
    *,
    space: str,
    vectors_kind: str,
    batches: Iterable[ClipBatch],
    trees: int | None = None,
    target_recall: float = DEFAULT_TARGET_RECALL,
    extra: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
    words: WordsBuilder = NO_WORDS,
    progress: bool = True,
    preparation: str = PLAIN,
    projection: NDArray[np.float64] | None = None,
    most_results: int = MOST_RESULTS,
) -> Manifest:
    """Write a catalogue and put it in the place of what stood at `out`.

    vectors_kind: mean or max (centred, projected and scaled to unit length), raw-frames (scaled), or learned (vectors
    are mean and standard deviation of the frames, and a projection is learned from the labels). Of clips with the same
    id the first is kept. trees: by the number of clips where None. extra: goes into the manifest; a function is asked
    when all batches have been read. words: what it needs to understand words. preparation: what was done to the audio.
    projection: float64 (k, d) that centred vectors are multiplied by, none where None. most_results: that anybody asks
    for at once; what is beyond takes longest to calibrate. Raises `BuildFailed`; the catalogue at `out` is then
    untouched.
    """
    _refuse_foreign(out)
    try:
        with staged(out) as folder:
            stored = _store(folder, batches, vectors_kind, preparation, projection)
            with _index_built(folder, stored, trees, progress):
                of_words, vocabulary = _write_words(folder, words, stored)
                lists = _lists(stored, progress)
            indexed = _measured(folder, stored, lists, target_recall, progress, most_results)
            # Beside a large index the same vectors once more would be a third of the catalogue.
            held = stored.large and in_index(stored.vectors, folder / INDEX)
            if held:
                (folder / VECTORS).unlink()
            names = [CLIPS, INDEX, *([] if held else [VECTORS])]
            names += [PROJECTION] if stored.recipe.projection is not None else []
            names += [NEIGHBOURS] if indexed.listed else []
            given = extra() if callable(extra) else extra or {}
            manifest = Manifest(
                id="",
                built=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                space=space,
                recipe=stored.recipe,
                dimension=stored.vectors.shape[1],
                clips=len(stored.vectors),
                sources=stored.sources,
                searchable=len(stored.searchable),
                labels=stored.labels,
                index={
                    "kind": ANNOY,
                    "trees": indexed.trees,
                    "seed": annoy_index.SEED,
                    **({"neighbours": indexed.listed} if indexed.listed else {}),
                    **({"vectors": True} if held else {}),
                },
                target_recall=target_recall,
                calibration=indexed.calibration,
                known_answers=indexed.known_answers,
                files={name: facts_of(folder / name, progress) for name in (*names, *of_words)},
                extra={
                    NOISE_FLOOR: stored.noise_floor,
                    **given,
                    VOCABULARY: vocabulary,
                    "duplicates": stored.duplicates,
                },
            )
            return _sealed(folder, manifest)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BuildFailed(
            f"The catalogue cannot be written to {out}: {reason}. Make room or mend the disk, then build again."
        ) from error


@dataclass(frozen=True, slots=True)
class _Stored:
    """What was read and lies in its files. sources, labels: how many; silent, searchable: items without a vector, and
    with one; duplicates: clips that were left out."""

    vectors: Vectors
    recipe: Recipe
    sources: int
    labels: int
    silent: Items
    searchable: Items
    duplicates: int

    @property
    def large(self) -> bool:
        """Whether there are enough for lists of neighbours."""
        return len(self.vectors) >= neighbours.FEWEST_CLIPS

    @property
    def withheld(self) -> Items:
        """Those that the index is measured by."""
        return spread(self.searchable, max(CALIBRATED_TOPS.values()))

    @property
    def noise_floor(self) -> float | None:
        """Under which cosine a result is noise, None where that is not known."""
        # Bytes as they stand in the features have no middle that unrelated clips would lie around.
        return None if self.recipe.pooling == "raw-frames" else noise_floor(self.vectors, self.searchable)


def _store(
    folder: Path,
    batches: Iterable[ClipBatch],
    kind: str,
    preparation: str,
    projection: NDArray[np.float64] | None,
) -> _Stored:
    """Write the clips, and their vectors once all are known."""
    table = ClipTableWriter(folder / CLIPS)
    try:
        with VectorFile(folder / VECTORS) as raw:
            learner = Learner() if kind == "learned" else None
            duplicates = _collect(batches, table, raw, learner)
        if not table.count:
            raise BuildFailed("There is no clip to put into the catalogue: check the source and its filters.")
        named = {} if preparation == PLAIN else {"name": preparation}
        recipe = replace(_recipe(kind, raw, learner, projection), preparation=named)
        silent, lengths = finish_vectors(folder / VECTORS, recipe)
        # The bytes that a raw-frames vector was made of can be had back by its length; `export` does so.
        sources = table.finish(silent, lengths if kind == "raw-frames" else None)
    finally:
        table.close()
    searchable = np.setdiff1d(np.arange(table.count), silent)
    if not len(searchable):
        raise BuildFailed("No clip has a vector with a direction: the catalogue could not answer any query.")
    if recipe.projection is not None:
        np.save(folder / PROJECTION, recipe.projection)
    return _Stored(mapped(folder / VECTORS), recipe, sources, table.labels, silent, searchable, duplicates)


def _write_words(folder: Path, words: WordsBuilder, stored: _Stored) -> tuple[list[str], dict[str, Any]]:
    """Write what words are understood by; returns the names of its files, and what the manifest says of it."""
    table = ClipTable(folder / CLIPS)
    try:
        counts = {label.name: label.clips for label in table.labels}
        return words.write(folder, counts, table.items_with, stored.vectors, stored.recipe)
    finally:
        table.close()


@dataclass(frozen=True, slots=True)
class _Indexed:
    """What is known of the index. listed: how many neighbours of each clip are listed, 0 where none are."""

    trees: int
    listed: int
    calibration: tuple[Calibration, ...]
    known_answers: tuple[KnownAnswer, ...]


@contextmanager
def _index_built(folder: Path, stored: _Stored, trees: int | None, progress: bool) -> Iterator[None]:
    """Build the index; that of a large catalogue in a process beside the block."""
    trees = trees or default_trees(len(stored.vectors))
    if stored.large:
        with annoy_index.built_beside(folder / VECTORS, folder / INDEX, trees, stored.silent):
            yield
    else:
        annoy_index.build(stored.vectors, folder / INDEX, trees, stored.silent, progress)
        yield


def _lists(stored: _Stored, progress: bool) -> Lists | None:
    """List neighbours, not of those that the index is measured by; None where there are too few clips."""
    return neighbours.build(stored.vectors, stored.searchable, stored.withheld, progress) if stored.large else None


def _measured(
    folder: Path, stored: _Stored, lists: Lists | None, target_recall: float, progress: bool, most_results: int
) -> _Indexed:
    """Measure the index, and write the lists."""
    vectors, searchable, withheld = stored.vectors, stored.searchable, stored.withheld
    index = Index(folder / INDEX, vectors.shape[1])
    try:
        finder = Finder(vectors, index, lists)
        calibration = calibrate(finder, searchable, withheld, target_recall, progress, most_results)
        if lists is not None:
            neighbours.admit(finder, withheld, calibration)
            np.save(folder / NEIGHBOURS, lists)
        known = _known_answers(folder, finder, searchable, stored.silent, calibration)
        return _Indexed(index.trees, 0 if lists is None else lists.shape[1], calibration, known)
    finally:
        index.close()


def _sealed(folder: Path, manifest: Manifest) -> Manifest:
    """Name the catalogue by its content, write the manifest, and let nobody write to the files."""
    manifest = replace(manifest, id=_id_of(manifest))
    manifest.write(folder)
    for name in (*manifest.files, MANIFEST):
        # Running processes map these files: overwriting one in place would kill them, renaming a new one over it not.
        (folder / name).chmod(0o444)
    return manifest


def default_trees(clips: int) -> int:
    """Say how many trees the index of so many clips has."""
    return MANY_TREES if clips < neighbours.FEWEST_CLIPS else FEW_TREES


def _recipe(kind: str, raw: VectorFile, learner: Learner | None, projection: NDArray[np.float64] | None) -> Recipe:
    """Decide how features become vectors, now that all are known."""
    if learner is not None:
        return Recipe("mean-deviation", *learner.fit())
    centred = kind != "raw-frames" and raw.rows >= FEWEST_CLIPS_TO_CENTRE
    return Recipe(kind, raw.mean if centred else None, projection)


def facts_of(path: Path, progress: bool = False) -> FileFacts:
    """Measure and hash a file."""
    digest = hashlib.sha256()
    size = path.stat().st_size
    bar = tqdm(
        total=size, desc=f"sha256 of {path.name}", unit="B", unit_scale=True, leave=False, **bar_options(progress)
    )
    with path.open("rb") as file, bar:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
            bar.update(len(block))
    return FileFacts(size, digest.hexdigest())


def _collect(
    batches: Iterable[ClipBatch], table: ClipTableWriter, raw: VectorFile, learner: Learner | None = None
) -> int:
    """Store clips and vectors; returns how many clips were left out because their id came before."""
    seen = SeenIds()
    duplicates = 0
    for batch in batches:
        new = seen.add([clip.clip_id for clip in batch.clips])
        duplicates += len(new) - int(new.sum())
        kept = [clip for clip, is_new in zip(batch.clips, new.tolist(), strict=True) if is_new]
        if learner is not None:
            learner.add(batch.vectors[new], [clip.labels for clip in kept], table.count)
        table.add(kept)
        raw.append(batch.vectors[new])
    return duplicates


class SeenIds:
    """Remembers ids by 64-bit hashes in sorted runs, 8 bytes an id: a set of two million strings takes 250 MB."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.int64]] = []

    def add(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Remember ids; True for each that was never seen, also not earlier in this list."""
        # Among two million ids, two share a hash once in ten million builds.
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        new = np.zeros(len(hashes), np.bool_)
        new[np.unique(hashes, return_index=True)[1]] = True
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            new &= run[places] != hashes
        if new.any():
            self._runs.append(np.sort(hashes[new]))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            self._runs.append(np.sort(np.concatenate((self._runs.pop(), self._runs.pop())), kind="stable"))
        return new


def _known_answers(
    folder: Path, finder: Finder, searchable: Items, silent: Items, calibration: Sequence[Calibration]
) -> tuple[KnownAnswer, ...]:
    """Keep a few queries that the index answers exactly; where it answers none so, those it comes closest to."""
    vectors, index, lists = finder.vectors, finder.index, finder.lists
    trials = []
    for item in spread(searchable, KNOWN_CANDIDATES).tolist():
        query = vectors[item]
        exact = nearest(vectors, query, KNOWN_RESULTS + 1, silent=silent).without(np.array([item])).first(KNOWN_RESULTS)
        found = index.candidates(query, KNOWN_RESULTS + 1, calibration[0].search_k)
        missed = len(np.setdiff1d(exact.items, found))
        trials.append((missed, item, exact))
        if sum(trial[0] == 0 for trial in trials) == KNOWN_ANSWERS:
            break
    trials.sort(key=lambda trial: trial[:2])
    clip_ids = _clip_ids(folder, [item for _, item, _ in trials[:KNOWN_ANSWERS]])
    return tuple(
        KnownAnswer(
            item,
            clip_id,
            tuple(exact.items.tolist()),
            tuple(round(s, 6) for s in exact.similarities.tolist()),
            len(exact) - missed,
            0 if lists is None else len(np.intersect1d(exact.items, lists[item])),
        )
        for (missed, item, exact), clip_id in zip(trials[:KNOWN_ANSWERS], clip_ids, strict=True)
    )


def _clip_ids(folder: Path, items: Sequence[int]) -> list[str]:
    database = sqlite3.connect(folder / CLIPS)
    try:
        return [str(database.execute("SELECT clip_id FROM clips WHERE item = ?", (i,)).fetchone()[0]) for i in items]
    finally:
        database.close()


def _id_of(manifest: Manifest) -> str:
    """Name a catalogue by what it holds: the same files and settings, the same id. Answers are cached under it, so
    what the source adds counts too: the copies of a recording stand in answers."""
    parts = [manifest.space, json.dumps([manifest.recipe.to_json(), manifest.extra], sort_keys=True)]
    parts += [facts.sha256 for _, facts in sorted(manifest.files.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _refuse_foreign(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise BuildFailed(f"{out} is a file: name a folder for the catalogue.")
    if any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise BuildFailed(f"{out} holds something that is no catalogue: name another folder, or empty this one.")
