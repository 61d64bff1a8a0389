"""A projection that brings clips with common labels together, learned from a catalogue's own labels at build time.

Ridge regression from each clip's mean and standard deviation of frame vectors to its labels, rare ones weighing more;
the fitted values, reduced by SVD, are the clip vector. All in float64 sums over batches: one pass, the same every time.
On 2,216 clips of bal_train that were left out of the learning, label precision@10 is 0.244 against 0.226 of the mean
(`evaluate` on catalogues built with --split bal_train).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.errors import BuildFailed, CatalogueDamaged
from recommender.vectors import held_out

DIMENSIONS = 128
RIDGE = 0.1
"""Share of each feature's own variance that is added: between 0.01 and 0.5 precision hardly moves."""
RARITY = 0.75
"""Labels weigh (clips / clips with the label) ** 0.75: 0.5 to 1 are alike, without it nothing is gained."""
FEWEST_CLIPS = 1000
FEWEST_LABELS = 8
GROWTH = 256
"""Columns by which the sums grow when new labels come."""

Matrix = NDArray[np.float64]


class Learner:
    """Collects what the projection is computed from, batch by batch."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}
        self._gram: Matrix | None = None
        self._cross: Matrix = np.zeros((0, GROWTH))

    def add(self, features: NDArray[np.float32], labels: Sequence[Sequence[str]], first: int) -> None:
        """Take in clips: features (n, k), their labels, and the item number of the first."""
        seen = ~held_out(np.arange(first, first + len(features))) & np.isfinite(features).all(axis=1)
        rows = np.flatnonzero(seen)
        extended = np.ones((len(rows), features.shape[1] + 1))
        extended[:, 1:] = features[rows]
        if self._gram is None:
            self._gram = np.zeros((extended.shape[1], extended.shape[1]))
            self._cross = np.zeros((extended.shape[1], GROWTH))
        targets = self._targets([labels[row] for row in rows.tolist()])
        self._gram += extended.T @ extended
        self._cross += extended.T @ targets

    def fit(self) -> tuple[Matrix, Matrix]:
        """Return the mean of the features (k,) and the projection (k, d); raises `BuildFailed` for too few labels."""
        labels = len(self._columns)
        if self._gram is None or self._gram[0, 0] < FEWEST_CLIPS or labels < FEWEST_LABELS:
            raise BuildFailed(
                f"Learned vectors need {FEWEST_CLIPS:,} clips and {FEWEST_LABELS} labels or more: "
                "build with --vectors mean."
            )
        clips = self._gram[0, 0]
        mean = self._gram[0, 1:] / clips
        covariance = self._gram[1:, 1:] / clips - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0)) + 1e-6
        shares = self._cross[0, :labels] / clips
        agreement = self._cross[1:, :labels] / clips - np.outer(mean, shares)
        weights = (1 / (shares + 1 / clips)) ** RARITY
        scaled = covariance / np.outer(spread, spread)
        ridge = np.linalg.solve(scaled + RIDGE * np.eye(len(scaled)), agreement / spread[:, None] * weights)
        fitted, directions = np.linalg.eigh(ridge.T @ scaled @ ridge)
        chosen = np.argsort(-fitted, kind="stable")[: min(DIMENSIONS, labels, len(scaled))]
        projection = (ridge / spread[:, None]) @ directions[:, chosen]
        # The sign of a direction is the library's choice: the same one everywhere.
        largest = projection[np.abs(projection).argmax(axis=0), np.arange(projection.shape[1])]
        return mean, projection * np.where(largest < 0, -1.0, 1.0)

    def _targets(self, labels: Sequence[Sequence[str]]) -> Matrix:
        places = [
            (row, self._columns.setdefault(label, len(self._columns)))
            for row, names in enumerate(labels)
            for label in names
        ]
        while len(self._columns) > self._cross.shape[1]:
            self._cross = np.hstack((self._cross, np.zeros((len(self._cross), GROWTH))))
        targets = np.zeros((len(labels), self._cross.shape[1]))
        if places:
            targets[tuple(np.array(places).T)] = 1.0
        return targets


def read_projection(path: Path, dimension: int, centre: NDArray[np.float64] | None) -> Matrix:
    """Read a catalogue's projection (features, dimension), which the centre (features,) fits; raises
    `CatalogueDamaged`."""
    try:
        projection: Matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise CatalogueDamaged(f"{path} cannot be read: build the catalogue again.") from None
    features = projection.shape[:1] if centre is None else centre.shape
    if projection.shape != (*features, dimension) or not np.isfinite(projection).all():
        raise CatalogueDamaged(f"{path} belongs to another catalogue: build the catalogue again.")
    return projection
