"""Catalogue: clips, labels and vectors on disk, read only, safe to open whatever the files hold."""

from __future__ import annotations

import os
import string
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.catalogue.local import known_answers
from recommender.catalogue.local.clip_table import ClipRow, ClipTable
from recommender.catalogue.local.exact import Vectors
from recommender.catalogue.local.files import CLIPS, INDEX, MANIFEST, VECTORS
from recommender.catalogue.local.index import Index
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.local.vector_file import mapped
from recommender.clips import Clip
from recommender.errors import CatalogueDamaged, NoCatalogue, UnknownClip, UnknownLabel
from recommender.library.additions import NOTHING, Added, Journal
from recommender.library.naming import ID_LENGTH, link_to
from recommender.query import video_moment
from recommender.spelling import closest

OPEN_ATTEMPTS = 5
OPEN_PAUSE_SECONDS = 0.05
"""A catalogue may be replaced while it is opened: it is then opened again."""
LONGEST_RESPELT = 24
"""Longer names are not respelt letter by letter: 11 characters make 1,500 spellings, looked up within 10 ms."""
VIDEO_ID_LETTERS = string.ascii_letters + string.digits + "-_"
YOUTUBE = "youtube"
"""Value of `links` in a manifest's extra: clips are moments of YouTube videos."""
FILES = "files"
"""Value of `links` in a manifest's extra: sources are paths under LIBRARY_URL."""

Identity = tuple[int, int, int, int]
"""Device and inode of the folder, inode and time of its manifest."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a file looked like when it was mapped: a change means that it was overwritten in place."""

    handle: int
    size: int
    modified: int


class Catalogue:
    """One catalogue, opened as a whole; made by `Catalogue.open`. Safe to use from several threads."""

    def __init__(self, folder: Path, manifest: Manifest, library_url: str | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._library_url = library_url
        self._links = manifest.extra.get("links")
        self._copies: dict[str, list[str]] = manifest.extra.get("copies", {})
        self._stands_for = {copy: source for source, copies in self._copies.items() for copy in copies}
        self.identity: Identity | None = None
        self._journal = Journal(folder, manifest, library_url, self._holds) if self._links == FILES else None
        self._states: list[_State] = []
        try:
            for name in (CLIPS, VECTORS, INDEX):
                self._hold(name)
            self.table = ClipTable(folder / CLIPS)
            self.vectors: Vectors = mapped(folder / VECTORS)
            self.index = Index(folder / INDEX, manifest.dimension)
            self.recipe = manifest.recipe
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, folder: Path, library_url: str | None = None) -> Catalogue:
        """Check a catalogue and map it; raises `NoCatalogue` or `CatalogueDamaged` with the file and the reason."""
        for attempt in range(1, OPEN_ATTEMPTS + 1):
            identity = identity_of(folder)
            try:
                manifest = Manifest.read(folder)
                _check_files(folder, manifest)
                known_answers.ask(folder, manifest.expected)
                catalogue = cls(folder, manifest, library_url)
            except (CatalogueDamaged, NoCatalogue):
                # Either it is so, or the folder was replaced at this moment.
                if identity == identity_of(folder) or attempt == OPEN_ATTEMPTS:
                    raise
            else:
                if identity == identity_of(folder):
                    catalogue.identity = identity
                    return catalogue
                catalogue.close()
            time.sleep(OPEN_PAUSE_SECONDS)
        raise CatalogueDamaged(f"{folder} is replaced again and again: let one build finish at a time.")

    @property
    def id(self) -> str:
        """What the catalogue is known by: changes with every rebuild that changes anything."""
        return self.manifest.id

    def __len__(self) -> int:
        return self.manifest.clips

    @property
    def added(self) -> Added:
        """What was added to the library since the catalogue was built; it is searched beside the index."""
        return self._journal.added() if self._journal is not None else NOTHING

    def vector(self, item: int) -> Vectors:
        """Return the vector of an item, of unit length or zero."""
        if item < len(self):
            return np.asarray(self.vectors[item])
        row = self.added.vector(item)
        return np.zeros(self.manifest.dimension, np.float32) if row is None else row

    def still_whole(self) -> None:
        """Raise `CatalogueDamaged` where a mapped file was overwritten in place, before the process trips over it."""
        for name, state in zip((CLIPS, VECTORS, INDEX), self._states, strict=True):
            now = os.fstat(state.handle)
            if now.st_size != state.size or now.st_mtime_ns != state.modified:
                raise CatalogueDamaged(
                    f"{self.folder / name} was overwritten while it was in use: build the catalogue again, and restart."
                )

    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order."""
        found = {row.item: self._clip(row) for row in self.table.rows([item for item in items if item < len(self)])}
        if len(found) < len(items):
            found.update((clip.item, clip) for clip in self.added.clips)
        return [found[item] for item in items if item in found]

    def clip(self, name: str) -> Clip:
        """Find a clip by clip id, source, YouTube link or `#item`; raises `UnknownClip` with close spellings."""
        item = self.find(name)
        if item is None:
            near = self._close_clip_ids(name)
            hint = f"Did you mean {near[0]}?" if near else "Check the id, or drop an audio file instead."
            raise UnknownClip(f"The catalogue has no clip {_shortened(name)}. {hint}", near)
        return self.clips([item])[0]

    def find(self, name: str) -> int | None:
        """Return the item that a clip id, source, YouTube link or `#item` names, None where there is none."""
        name = name.strip()
        if name.startswith("#") and name[1:].isascii() and name[1:].isdecimal() and len(name) < 12:
            item = int(name[1:])
            return item if item < len(self) or self.added.clip(item) is not None else None
        moment = video_moment(name)
        if moment is not None:
            return self._at(moment.video_id, moment.seconds)
        item_of_id = self.table.item_of(name)
        if item_of_id is None:
            item_of_id = self._at(self._stands_for.get(name, name), None)
        if item_of_id is None and self._links == FILES and len(name) == ID_LENGTH:
            # The id of a file without a start, as an AudioSet video's: the file's first window.
            windows = [clip_id for clip_id in self.table.clip_ids_near(f"{name}_") if clip_id.startswith(f"{name}_")]
            item_of_id = self.table.item_of(min(windows, key=len)) if windows else None
        if item_of_id is None:
            added = self.added.find(name)
            return None if added is None else added.item
        return item_of_id

    def _holds(self, path: str) -> bool:
        return path in self._stands_for or bool(self.table.items_of_source(path))

    def copies(self, source: str) -> int:
        """Say how many files hold the recording of a source, itself included."""
        return 1 + len(self._copies.get(source, ()))

    def has(self, name: str) -> bool:
        """Say whether `find` finds a clip."""
        return self.find(name) is not None

    def all_clips(self) -> Iterator[Clip]:
        """Return all clips in the order of items."""
        return map(self._clip, self.table.all_rows())

    def label(self, name: str) -> str:
        """Return a label as it is spelt in the catalogue; raises `UnknownLabel` with close spellings."""
        wanted = name.strip().casefold()
        for known in (*(label.name for label in self.table.labels), *self._added_labels()):
            if known.casefold() == wanted:
                return known
        names = [label.name for label in self.table.labels]
        near = closest(name.strip(), zip(names, names, strict=True))
        hint = f"Did you mean {near[0]}?" if near else "See the labels with `info`."
        raise UnknownLabel(f"No clip has the label {_shortened(name)}. {hint}", near)

    def _added_labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label for clip in self.added.clips for label in clip.labels))

    def labels(self, prefix: str, limit: int) -> list[str]:
        """Return labels for a prefix: those that begin so, then those with a word that does; common ones first."""
        wanted = prefix.strip().casefold()
        by_count = sorted(self.table.labels, key=lambda label: (-label.clips, label.name))
        names = [(label.name, label.name.casefold()) for label in by_count]
        first = [name for name, folded in names if folded.startswith(wanted)]
        then = [name for name, folded in names if not folded.startswith(wanted) and f" {wanted}" in f" {folded}"]
        return (first + then)[:limit]

    def close(self) -> None:
        """Unmap everything; the catalogue cannot be asked afterwards."""
        for part in ("table", "index"):
            if hasattr(self, part):
                getattr(self, part).close()
        for state in getattr(self, "_states", ()):
            os.close(state.handle)
        self._states = []

    def __del__(self) -> None:
        # The last thread that answers from a replaced catalogue lets go of it.
        self.close()

    def _hold(self, name: str) -> None:
        try:
            handle = os.open(self.folder / name, os.O_RDONLY)
        except OSError as error:
            raise CatalogueDamaged(
                f"{self.folder / name} cannot be read ({error.strerror}): check the disk and its rights."
            ) from None
        facts = os.fstat(handle)
        self._states.append(_State(handle, facts.st_size, facts.st_mtime_ns))

    def _at(self, source: str, seconds: float | None) -> int | None:
        clips = self.table.items_of_source(source)
        if not clips:
            return None
        if seconds is None:
            return clips[0][0]
        return min(clips, key=lambda clip: (not clip[1] <= seconds < clip[2], abs(clip[1] - seconds), clip[0]))[0]

    def _clip(self, row: ClipRow) -> Clip:
        return Clip(
            item=row.item,
            clip_id=row.clip_id,
            source=row.source,
            start=row.start,
            end=row.end,
            labels=row.labels,
            title=row.title or row.source,
            url=row.url or self._link(row),
        )

    def _link(self, row: ClipRow) -> str | None:
        if self._links == YOUTUBE:
            return f"https://youtu.be/{row.source}?t={int(row.start)}"
        if self._links == FILES and self._library_url:
            return link_to(self._library_url, row.source, row.start, row.end)
        return None

    def _close_clip_ids(self, name: str) -> tuple[str, ...]:
        name = name.strip()
        near = set(self.table.clip_ids_near(name)) | set(self.table.clip_ids_near(name.swapcase()))
        if len(name) <= LONGEST_RESPELT:
            near.update(self.table.clip_ids_of(list(_one_edit_away(name))))
        return closest(name, [(clip_id, text) for clip_id in near for text in (clip_id, clip_id.rpartition("_")[0])])


def _one_edit_away(name: str) -> Iterator[str]:
    """Respell a video id: other case, a character lost, added, changed, or two exchanged."""
    yield from (name.swapcase(), name.lower(), name.upper())
    for place in range(len(name) + 1):
        head, tail = name[:place], name[place:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in VIDEO_ID_LETTERS:
            yield head + letter + tail
            yield head + letter + tail[1:]


def _shortened(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}…"


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Compare sizes with the manifest, and the manifest with itself."""
    for name, facts in manifest.files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise CatalogueDamaged(f"{path} cannot be read ({error.strerror}): build the catalogue again.") from None
        if size != facts.bytes:
            raise CatalogueDamaged(
                f"{path} has {size} bytes, the manifest says {facts.bytes}: build the catalogue again."
            )
    try:
        with (folder / VECTORS).open("rb") as file:
            np.lib.format.read_magic(file)
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except OSError as error:
        raise CatalogueDamaged(
            f"{folder / VECTORS} cannot be read ({error.strerror}): check the disk and its rights."
        ) from None
    except Exception:  # noqa: BLE001 - numpy reads the header by Python's own parser, with errors of many kinds
        raise CatalogueDamaged(f"{folder / VECTORS} is no .npy file: build the catalogue again.") from None
    if shape != (manifest.clips, manifest.dimension) or fortran or dtype != np.dtype("<f4"):
        raise CatalogueDamaged(f"{folder / VECTORS} belongs to another catalogue: build the catalogue again.")
    if not manifest.calibration or not manifest.known_answers:
        raise CatalogueDamaged(f"{folder / MANIFEST} lacks calibration or known answers: build the catalogue again.")


def identity_of(folder: Path) -> Identity | None:
    """Tell one catalogue in a folder from the next that takes its place; None where there is none."""
    try:
        outer, inner = folder.stat(), (folder / MANIFEST).stat()
    except OSError:
        return None
    return outer.st_dev, outer.st_ino, inner.st_ino, inner.st_mtime_ns
