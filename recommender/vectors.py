"""Clip vectors: from frame vectors as an embedder returns them to the unit vectors that are indexed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.audio.preparation import PLAIN, PREPARATIONS
from recommender.errors import CatalogueDamaged

WINDOW_SECONDS = 10.0
"""Length of a clip: AudioSet's, so that uploads and library windows compare with it."""
SHORTEST_TAIL_SECONDS = 5.0
"""A rest shorter than this belongs to the window before it: half a window says too little alone."""
QUANTISED_MIN, QUANTISED_MAX = -2.0, 2.0
"""Range that AudioSet's features are quantised from (tensorflow/models#10313)."""
RAW_FRAMES = 10
"""Frames of the seed notebook's vector: 10 x 128 bytes, flattened."""
POOLINGS = ("mean", "max", "log-max", "log-max-mean", "mean-deviation", "raw-frames")
SMALLEST_NORM = 1e-6
"""Below this a vector has no direction that float32 could be trusted with."""
HELD_OUT_EVERY = 10
"""Items whose number leaves 9 by 10 are not learned from, so that `evaluate` can ask clips that were not seen."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a recording: start and end in seconds, and its rows among the frame vectors."""

    start: float
    end: float
    first: int
    last: int


def held_out(items: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which of these items (n,) a projection is not learned from: (n,)."""
    return np.asarray(items % HELD_OUT_EVERY == HELD_OUT_EVERY - 1)


def dequantise(values: NDArray[Any]) -> Array:
    """Turn bytes 0..255 into float32 in [-2, 2]: x / 255 * 4 - 2 (tensorflow/models#10313)."""
    scale = (QUANTISED_MAX - QUANTISED_MIN) / 255.0
    return (np.asarray(values, np.float64) * scale + QUANTISED_MIN).astype(np.float32)


def quantise(vectors: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn values in [-2, 2] into the nearest bytes; exact inverse of `dequantise`."""
    scale = 255.0 / (QUANTISED_MAX - QUANTISED_MIN)
    levels = np.rint((np.asarray(vectors, np.float64) - QUANTISED_MIN) * scale)
    return np.clip(levels, 0, 255).astype(np.uint8)


def unit(vector: NDArray[Any]) -> Array | None:
    """Scale (d,) to length 1; None for a vector that has no direction: zero, NaN or infinite."""
    wide = np.asarray(vector, np.float64)
    norm = float(np.sqrt(wide @ wide))
    if not np.isfinite(norm) or norm < SMALLEST_NORM:
        return None
    return (wide / norm).astype(np.float32)


def unit_rows(rows: NDArray[Any]) -> Array:
    """Scale each row of (n, d) to length 1; rows that have no direction become zero."""
    wide = np.asarray(rows, np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    usable = np.isfinite(norms) & (norms >= SMALLEST_NORM)
    scaled = np.where(usable[:, None], wide, 0.0) / np.where(usable, norms, 1.0)[:, None]
    return scaled.astype(np.float32)


def windows(rows: int, hop: float, seconds: float) -> list[Window]:
    """Cut a recording into windows of 10 s; a row belongs to the window that its centre lies in.

    rows: number of frame vectors; hop: seconds between them; seconds: length of the audio. A rest under 5 s joins the
    window before. Windows without rows are left out.
    """
    count = max(1, int(seconds // WINDOW_SECONDS))
    if seconds - count * WINDOW_SECONDS >= SHORTEST_TAIL_SECONDS:
        count += 1
    centres = (np.arange(rows) + 0.5) * hop
    bounds = np.searchsorted(centres, np.arange(1, count) * WINDOW_SECONDS)
    edges = [0, *bounds.tolist(), rows]
    ends = [*((index + 1) * WINDOW_SECONDS for index in range(count - 1)), seconds]
    return [
        Window(index * WINDOW_SECONDS, ends[index], edges[index], edges[index + 1])
        for index in range(count)
        if edges[index + 1] > edges[index]
    ]


def window_means(vectors: Array, cuts: Sequence[Window], pooling: str = "mean") -> Array:
    """Pool the frame vectors (n, d) of each window: float32 (windows, d), neither centred nor scaled."""
    if not cuts:
        return np.empty((0, vectors.shape[1]), np.float32)
    return np.stack([pool(vectors[cut.first : cut.last], pooling) for cut in cuts]).astype(np.float32)


def pool(rows: NDArray[Any], pooling: str) -> NDArray[np.float64]:
    """Return the mean or the maximum of frame vectors (n, d): float64 (d,); `log-max` is log(1 + maximum), for values
    from 0 on, `log-max-mean` the sum of that and log(1 + mean)."""
    wide = np.asarray(rows, np.float64)
    pooled: NDArray[np.float64] = wide.max(axis=0) if "max" in pooling else wide.mean(axis=0)
    if "log" in pooling:
        pooled = np.log1p(pooled)
    if pooling == "log-max-mean":
        pooled += np.log1p(wide.mean(axis=0))
    return pooled


def raw_frames(vectors: Array) -> Array:
    """Return the seed notebook's vector: the bytes of the first 10 frame vectors, flattened to float32 (10 x d,).

    A shorter clip is filled by its own frames from the start again.
    """
    levels = quantise(np.resize(vectors, (RAW_FRAMES, vectors.shape[1])) if len(vectors) < RAW_FRAMES else vectors)
    return levels[:RAW_FRAMES].reshape(-1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How a catalogue's clip vectors were made, which is how those of queries are made.

    pooling: how the frame vectors of a window become its features, one of `POOLINGS`; centre: (k,) taken away first,
    None for none; projection: (k, d) applied next; preparation: what is done to decoded audio before it is embedded, by
    name, as JSON; nothing where empty, as in catalogues of 0.1.
    """

    pooling: str = "mean"
    centre: NDArray[np.float64] | None = None
    projection: NDArray[np.float64] | None = None
    preparation: Mapping[str, Any] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self.to_json() == other.to_json()

    @property
    def kind(self) -> str:
        """What `build --vectors` calls it."""
        return "learned" if self.pooling == "mean-deviation" else self.pooling

    @property
    def prepared(self) -> str:
        """Name of what is done to audio before it is embedded."""
        return str(self.preparation.get("name", PLAIN))

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as it stands in a manifest; the projection is a file of its own."""
        return {
            "preparation": dict(self.preparation),
            "pooling": self.pooling,
            "centre": None if self.centre is None else self.centre.tolist(),
            "projection": self.projection is not None,
        }

    @classmethod
    def from_json(cls, data: Any) -> Recipe:
        """Read what `to_json` returned, without the projection; raises KeyError, TypeError or ValueError, and
        `CatalogueDamaged` for a recipe that this version cannot follow."""
        centre = None if data["centre"] is None else np.array(data["centre"], np.float64)
        recipe = cls(str(data["pooling"]), centre, preparation=dict(data["preparation"]))
        if recipe.pooling not in POOLINGS or recipe.prepared not in PREPARATIONS:
            raise CatalogueDamaged(
                f"This catalogue was built by another version of Soundalike (pooling {recipe.pooling}, preparation "
                f"{recipe.prepared}), whose vectors this one cannot make: build it again, or use that version."
            )
        return recipe

    def finish(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Centre and project features (n, k): float64 (n, d), not yet of unit length."""
        rows = np.asarray(features, np.float64)
        if self.centre is not None:
            rows = rows - self.centre
        return rows if self.projection is None else rows @ self.projection

    def features(self, vectors: Array, cuts: Sequence[Window]) -> Array:
        """Pool the frame vectors (n, values) of each window: float32 (windows, k), neither centred nor scaled."""
        if self.pooling == "raw-frames" and cuts:
            return np.stack([raw_frames(vectors[cut.first : cut.last]) for cut in cuts])
        features = window_means(vectors, cuts, self.pooling)
        if self.pooling == "mean-deviation" and cuts:
            deviations = [vectors[cut.first : cut.last].std(axis=0, dtype=np.float64) for cut in cuts]
            features = np.hstack((features, np.stack(deviations).astype(np.float32)))
        return features

    def clip_vectors(self, vectors: Array, cuts: Sequence[Window]) -> Array:
        """Return the clip vector of each window of frame vectors (n, values): float32 (windows, d); zero for none."""
        return unit_rows(self.finish(self.features(vectors, cuts))) if cuts else window_means(vectors, cuts)
