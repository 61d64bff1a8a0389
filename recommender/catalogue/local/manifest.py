"""The manifest of a catalogue: what it holds, how it was built, and how to tell that it is whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recommender.errors import CatalogueDamaged, CatalogueError, NoCatalogue

MANIFEST = "manifest.json"
CLIPS = "clips.sqlite"
VECTORS = "vectors.npy"
INDEX = "index.ann"
PROJECTION = "projection.npy"
"""Only where the vectors are learned."""
FORMAT = 1
LARGEST_MANIFEST_BYTES = 64 * 1024 * 1024
"""A real one has some 100 kB; more is no manifest, and is not read into memory."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Size and sha256 of one file of the catalogue."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """One measurement: with `search_k`, the share of the exact `top` results found, over `sample` queries."""

    top: int
    search_k: int
    recall: float
    sample: int


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A query by item with its exact nearest items and their similarities, the item itself left out; found: how many of
    them the index gave when it was built."""

    item: int
    clip_id: str
    items: tuple[int, ...]
    similarities: tuple[float, ...]
    found: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What manifest.json says. vectors_kind: mean, raw-frames or learned; searchable: clips that have a vector;
    centre: (d,) subtracted from means, empty where nothing is; built: ISO time; extra: what the source adds."""

    id: str
    built: str
    space: str
    vectors_kind: str
    dimension: int
    centre: tuple[float, ...]
    clips: int
    sources: int
    searchable: int
    labels: int
    trees: int
    seed: int
    target_recall: float
    calibration: tuple[Calibration, ...]
    known_answers: tuple[KnownAnswer, ...]
    files: dict[str, FileFacts]
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the manifest as it stands in the file."""
        return {
            "format": FORMAT,
            "id": self.id,
            "built": self.built,
            "space": self.space,
            "vectors": {"kind": self.vectors_kind, "dimension": self.dimension, "centre": list(self.centre)},
            "counts": {
                "clips": self.clips,
                "sources": self.sources,
                "searchable": self.searchable,
                "labels": self.labels,
            },
            "index": {
                "trees": self.trees,
                "seed": self.seed,
                "target_recall": self.target_recall,
                "calibration": [asdict(measured) for measured in self.calibration],
            },
            "files": {name: asdict(facts) for name, facts in self.files.items()},
            "known_answers": [asdict(answer) for answer in self.known_answers],
            "extra": self.extra,
        }

    def write(self, folder: Path) -> None:
        """Write manifest.json into a folder."""
        (folder / MANIFEST).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a folder's manifest; raises `NoCatalogue` or `CatalogueDamaged`."""
        path = folder / MANIFEST
        try:
            if path.stat().st_size > LARGEST_MANIFEST_BYTES:
                raise CatalogueDamaged(f"{path} is far too large for a manifest: build the catalogue again.")
            data = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise NoCatalogue(
                f"There is no catalogue in {folder}: build one with `python -m recommender build`."
            ) from None
        except OSError as error:
            raise CatalogueDamaged(
                f"{path} cannot be read ({error.strerror}): check the disk and its rights."
            ) from None
        except (ValueError, RecursionError):
            raise CatalogueDamaged(f"{path} is not valid JSON: build the catalogue again.") from None
        return cls.from_json(data, path)

    @classmethod
    def standing(cls, folder: Path) -> Manifest | None:
        """Read the manifest of the catalogue that stands in a folder, None where none does."""
        try:
            return cls.read(folder)
        except CatalogueError:
            return None

    @classmethod
    def from_json(cls, data: Any, path: Path) -> Manifest:
        """Read what `to_json` gave; `path` is named in errors. Raises `CatalogueDamaged`."""
        try:
            if data["format"] != FORMAT:
                raise CatalogueDamaged(
                    f"{path} has format {data['format']!r}, this version reads {FORMAT}: build the catalogue again."
                )
            return _from_json(data)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CatalogueDamaged(
                f"{path} is no manifest of a catalogue ({type(error).__name__}: {error}): build the catalogue again."
            ) from None


def _from_json(data: Any) -> Manifest:
    vectors, counts, index = data["vectors"], data["counts"], data["index"]
    files = {str(name): FileFacts(int(facts["bytes"]), str(facts["sha256"])) for name, facts in data["files"].items()}
    missing = {CLIPS, VECTORS, INDEX} - files.keys()
    if missing:
        raise KeyError(", ".join(sorted(missing)))
    return Manifest(
        id=str(data["id"]),
        built=str(data["built"]),
        space=str(data["space"]),
        vectors_kind=str(vectors["kind"]),
        dimension=int(vectors["dimension"]),
        centre=tuple(float(value) for value in vectors["centre"]),
        clips=int(counts["clips"]),
        sources=int(counts["sources"]),
        searchable=int(counts["searchable"]),
        labels=int(counts["labels"]),
        trees=int(index["trees"]),
        seed=int(index["seed"]),
        target_recall=float(index["target_recall"]),
        calibration=tuple(
            Calibration(int(c["top"]), int(c["search_k"]), float(c["recall"]), int(c["sample"]))
            for c in index["calibration"]
        ),
        known_answers=tuple(
            KnownAnswer(
                int(a["item"]),
                str(a["clip_id"]),
                tuple(map(int, a["items"])),
                tuple(map(float, a["similarities"])),
                int(a.get("found", len(a["items"]))),
            )
            for a in data["known_answers"]
        ),
        files=files,
        extra=dict(data["extra"]),
    )
