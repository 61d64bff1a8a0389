"""A catalogue in a folder: mapped read only, and safe to open whatever the files hold."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Addition, Facts
from recommender.catalogue.growing import NOTHING, Added, GrowingCatalogue
from recommender.catalogue.links import FILES
from recommender.catalogue.local import known_answers, neighbours
from recommender.catalogue.local.builder import facts_of
from recommender.catalogue.local.built import BuiltFolder
from recommender.catalogue.local.clip_table import ClipTable
from recommender.catalogue.local.files import CLIPS, INDEX, MANIFEST, NEIGHBOURS, VECTORS
from recommender.catalogue.local.finder import Finder
from recommender.catalogue.local.index import Index
from recommender.catalogue.local.journal import Journal
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.local.vector_file import index_layout
from recommender.catalogue.recall import spread
from recommender.catalogue.vocabulary import Vocabulary
from recommender.errors import CatalogueDamaged, NoCatalogue

OPEN_ATTEMPTS = 5
OPEN_PAUSE_SECONDS = 0.05
"""A catalogue may be replaced while it is opened: it is then opened again."""
WARMING_QUERIES = 64

Identity = tuple[int, int, int, int]
"""Device and inode of the folder, inode and time of its manifest."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a file looked like when it was mapped: a change means that it was overwritten in place."""

    handle: int
    size: int
    modified: int


class LocalCatalogue(GrowingCatalogue):
    """A catalogue in a folder, opened as a whole by `LocalCatalogue.open`.

    Nothing in here may refer back to the catalogue: it is closed, and its files are unmapped, when the last answer that
    uses it lets go of it, and a circle of references would keep them for as long as the garbage collector likes.
    """

    def __init__(self, folder: Path, manifest: Manifest, library_url: str | None) -> None:
        self.location = str(folder)
        self.folder = folder
        self.manifest = manifest
        self.facts = manifest
        self._library_url = library_url
        self._states: list[_State] = []
        try:
            self._held = tuple(name for name in (CLIPS, VECTORS, INDEX, NEIGHBOURS) if name in manifest.files)
            for name in self._held:
                self._hold(name)
            self.table = ClipTable(folder / CLIPS)
            self.vectors = manifest.mapped_vectors(folder)
            self.index = Index(folder / INDEX, manifest.dimension)
            lists = neighbours.mapped_lists(folder / NEIGHBOURS, manifest.clips) if manifest.listed else None
            self.finder = Finder(self.vectors, self.index, lists)
            self.vocabulary = Vocabulary.open(folder, manifest.extra, list(manifest.files))
        except BaseException:
            self.close()
            raise
        self.built = BuiltFolder(manifest, self.table, self.finder, library_url)
        knows = partial(_holds, self.table, self.copied_from)
        self._journal = Journal(folder, manifest, library_url, knows) if manifest.extra.get("links") == FILES else None

    @classmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> LocalCatalogue:
        """Check a catalogue and map it; raises `NoCatalogue` or `CatalogueDamaged` with the file and the reason."""
        folder = Path(location)
        for attempt in range(1, OPEN_ATTEMPTS + 1):
            identity = _identity_of(folder)
            try:
                manifest = Manifest.read(folder)
                _check_files(folder, manifest)
                known_answers.ask(folder, manifest.expected)
                catalogue = cls(folder, manifest, library_url)
            except (CatalogueDamaged, NoCatalogue):
                # Either it is so, or the folder was replaced at this moment.
                if identity == _identity_of(folder) or attempt == OPEN_ATTEMPTS:
                    raise
            else:
                if identity == _identity_of(folder):
                    catalogue.identity = identity
                    return catalogue
                catalogue.close()
            time.sleep(OPEN_PAUSE_SECONDS)
        raise CatalogueDamaged(f"{folder} is replaced again and again: let one build finish at a time.")

    @classmethod
    def read_facts(cls, location: str | Path) -> Facts:
        """Read what the manifest in a folder says; raises `NoCatalogue` or `CatalogueDamaged`."""
        return Manifest.read(Path(location))

    @property
    def added(self) -> Added:
        """What was added to the library since the catalogue was built."""
        return self._journal.added() if self._journal is not None else NOTHING

    @property
    def measures(self) -> frozenset[str]:
        """What files tell in numbers."""
        return self.table.measures

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what raw-frames vectors were divided by."""
        return self.table.lengths()

    def add(self, addition: Addition) -> None:
        """Write an addition into the journal. Raises `CannotWrite` where the catalogue has none, OSError."""
        if self._journal is None:
            super().add(addition)
        else:
            self._journal.append(addition)

    def identity_now(self) -> Identity | None:
        """Return the identity of what stands in the folder now."""
        return _identity_of(self.folder)

    def reopen(self) -> LocalCatalogue:
        """Open what stands in the folder now."""
        return self.open(self.folder, self._library_url)

    def still_whole(self) -> None:
        """Raise `CatalogueDamaged` where a mapped file was overwritten in place, before the process trips over it."""
        for name, state in zip(self._held, self._states, strict=True):
            now = os.fstat(state.handle)
            if now.st_size != state.size or now.st_mtime_ns != state.modified:
                raise CatalogueDamaged(
                    f"{self.folder / name} was overwritten while it was in use: build the catalogue again, and restart."
                )

    def warm(self) -> None:
        """Ask some queries, so that the first real one does not wait for the disk."""
        for item in spread(np.arange(len(self)), WARMING_QUERIES).tolist():
            self.finder.nearest(self.vectors[item], 10, self.manifest.calibration[0])

    def verify(self) -> str:
        """Read every byte, and compare with what was built; raises `CatalogueDamaged`."""
        for name, facts in self.manifest.files.items():
            if facts_of(self.folder / name, progress=True) != facts:
                raise CatalogueDamaged(f"{self.folder / name} is not what was built: build the catalogue again.")
        self.table.check()
        return f"{len(self):,} clips, {len(self.manifest.known_answers)} known answers right"

    def describe(self) -> dict[str, Any]:
        """Return the index's parameters and the sizes of the files."""
        return {
            "index": self.manifest.index["kind"],
            "trees": self.manifest.trees,
            "neighbours": self.manifest.listed,
            "bytes": {name: facts.bytes for name, facts in self.manifest.files.items()},
        }

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


def _holds(table: ClipTable, copied_from: Mapping[str, str], path: str) -> bool:
    return path in copied_from or bool(table.items_of_source(path))


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
    if VECTORS in manifest.files:
        _check_array(folder / VECTORS, (manifest.clips, manifest.dimension), "<f4")
    elif manifest.files[INDEX].bytes < manifest.clips * index_layout(manifest.dimension)[1]:
        raise CatalogueDamaged(f"{folder / INDEX} does not hold all vectors: build the catalogue again.")
    if manifest.listed:
        _check_array(folder / NEIGHBOURS, (manifest.clips, manifest.listed), "<i4")
    if not manifest.calibration or not manifest.known_answers:
        raise CatalogueDamaged(f"{folder / MANIFEST} lacks calibration or known answers: build the catalogue again.")


def _check_array(path: Path, expected: tuple[int, int], kind: str) -> None:
    """Compare the header of a .npy file with what is expected, before it is mapped."""
    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except OSError as error:
        raise CatalogueDamaged(f"{path} cannot be read ({error.strerror}): check the disk and its rights.") from None
    except Exception:  # noqa: BLE001 - numpy reads the header by Python's own parser, with errors of many kinds
        raise CatalogueDamaged(f"{path} is no .npy file: build the catalogue again.") from None
    if shape != expected or fortran or dtype != np.dtype(kind):
        raise CatalogueDamaged(f"{path} belongs to another catalogue: build the catalogue again.")


def _identity_of(folder: Path) -> Identity | None:
    """Tell one catalogue in a folder from the next that takes its place; None where there is none."""
    try:
        outer, inner = folder.stat(), (folder / MANIFEST).stat()
    except OSError:
        return None
    return outer.st_dev, outer.st_ino, inner.st_ino, inner.st_mtime_ns
