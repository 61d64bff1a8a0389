"""The manifest of a catalogue in a folder: what it holds, how it was built, and how to tell that it is whole.

Format 2, written now, names the kind of index with its parameters and the recipe of the vectors. Format 1, written by
Soundalike 0.1, had Annoy's parameters alone, and the recipe's pooling and centre under `vectors`; it is still read.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Calibration, Facts
from recommender.catalogue.known_answer import KnownAnswer
from recommender.catalogue.local.files import CLIPS, INDEX, MANIFEST, NEIGHBOURS, PROJECTION, VECTORS, FileFacts
from recommender.catalogue.local.known_answers import Expected
from recommender.catalogue.local.projection import read_projection
from recommender.catalogue.local.vector_file import HEADER_BYTES, index_layout, mapped, mapped_in_index
from recommender.embedders.spaces import refuse_retired
from recommender.errors import CatalogueDamaged, CatalogueError, NoCatalogue

FORMAT = 2
ANNOY = "annoy"
LARGEST_MANIFEST_BYTES = 64 * 1024 * 1024
"""A real one has some 100 kB; more is no manifest, and is not read into memory."""
_POOLINGS_OF_1 = {"mean": "mean", "raw-frames": "raw-frames", "learned": "mean-deviation"}
"""By the kind of vectors that format 1 names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Facts):
    """What manifest.json says, and the recipe's projection beside it. index: the kind of index and its parameters."""

    index: dict[str, Any]
    known_answers: tuple[KnownAnswer, ...]
    files: dict[str, FileFacts]

    @property
    def trees(self) -> int:
        """Trees of the index."""
        return int(self.index["trees"])

    @property
    def listed(self) -> int:
        """How many neighbours of each clip are listed; 0 where there are no lists."""
        return int(self.index.get("neighbours", 0))

    @property
    def expected(self) -> Expected:
        """What a child process asks the index before it is mapped."""
        search_k = self.calibration[0].search_k
        layout = (VECTORS, HEADER_BYTES, 4 * self.dimension)
        if VECTORS not in self.files:
            layout = (INDEX, *index_layout(self.dimension))
        return Expected(
            self.dimension, self.clips, self.searchable, self.trees, search_k, self.listed, layout, self.known_answers
        )

    def mapped_vectors(self, folder: Path) -> NDArray[np.float32]:
        """Map the vectors of the catalogue in a folder for reading: float32 (clips, d)."""
        if VECTORS in self.files:
            return mapped(folder / VECTORS)
        return mapped_in_index(folder / INDEX, self.clips, self.dimension)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as it stands in the file."""
        return {
            "format": FORMAT,
            **self.common_json(),
            "index": {
                **self.index,
                "target_recall": self.target_recall,
                "calibration": [asdict(measured) for measured in self.calibration],
            },
            "files": {name: asdict(facts) for name, facts in self.files.items()},
            "known_answers": [asdict(answer) for answer in self.known_answers],
            "extra": dict(self.extra),
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
        manifest = cls.from_json(data, path)
        refuse_retired(manifest.space, folder, manifest.extra.get("folder"))
        recipe = manifest.recipe
        if PROJECTION in manifest.files:
            recipe = replace(recipe, projection=read_projection(folder / PROJECTION, manifest.dimension, recipe.centre))
        return replace(manifest, recipe=recipe)

    @classmethod
    def standing(cls, folder: Path) -> Manifest | None:
        """Read the manifest of the catalogue that stands in a folder, None where none does."""
        try:
            return cls.read(folder)
        except CatalogueError:
            return None

    @classmethod
    def from_json(cls, data: Any, path: Path) -> Manifest:
        """Read what `to_json` returned, or 0.1's, without the projection; `path` is named in errors. Raises
        `CatalogueDamaged`."""
        try:
            if data["format"] not in {1, FORMAT}:
                raise CatalogueDamaged(
                    f"{path} has format {data['format']!r}, this version reads {FORMAT} and 1: "
                    "build the catalogue again."
                )
            return _from_json(data if data["format"] == FORMAT else _from_1(data))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CatalogueDamaged(
                f"{path} is no manifest of a catalogue ({type(error).__name__}: {error}): build the catalogue again."
            ) from None


def _from_1(data: Any) -> Any:
    """Bring format 1 into format 2."""
    vectors = data["vectors"]
    recipe = {
        "preparation": {},
        "pooling": _POOLINGS_OF_1[vectors["kind"]],
        "centre": vectors["centre"] or None,
        "projection": vectors["kind"] == "learned",
    }
    counts = data["counts"] | {"dimension": vectors["dimension"]}
    return data | {"recipe": recipe, "counts": counts, "index": {"kind": ANNOY, **data["index"]}}


def _from_json(data: Any) -> Manifest:
    index = dict(data["index"])
    files = {str(name): FileFacts(int(facts["bytes"]), str(facts["sha256"])) for name, facts in data["files"].items()}
    wanted = {CLIPS: True, VECTORS: not index.get("vectors"), INDEX: True}
    wanted |= {PROJECTION: data["recipe"]["projection"], NEIGHBOURS: int(index.get("neighbours", 0)) > 0}
    missing = {name for name, there in wanted.items() if there} - files.keys()
    if missing:
        raise KeyError(", ".join(sorted(missing)))
    if index["kind"] != ANNOY:
        raise ValueError(f"its index is of kind {index['kind']!r}, this version reads {ANNOY!r}")
    calibration = tuple(
        Calibration(
            int(c["top"]),
            int(c["search_k"]),
            float(c["recall"]),
            int(c["sample"]),
            tuple(map(int, c.get("hops", ()))),
            float(c.get("poor", 0.0)),
        )
        for c in index.pop("calibration")
    )
    return Manifest(
        **Manifest.common_fields(data),
        target_recall=float(index.pop("target_recall")),
        calibration=calibration,
        index={**index, "trees": int(index["trees"]), "seed": int(index["seed"])},
        known_answers=tuple(map(KnownAnswer.from_json, data["known_answers"])),
        files=files,
        extra=dict(data["extra"]),
    )
