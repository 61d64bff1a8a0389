"""An embedder's own classifier, which scores every label for a vector of its space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelHead:
    """The last layer: the score of label l for a vector v is sigmoid(weights[l] @ v + biases[l]).

    names: of the labels, in their order. weights: float32 (labels, d). biases: float32 (labels,). Vectors are frame
    vectors or means or maxima of them, as the embedder emits them: not centred, not projected, not of unit length.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]

    def directions(self, count: int) -> NDArray[np.float64]:
        """Return its leading right singular vectors, float64 (d, count): what most tells labels apart, best first.

        Each is divided by the root of its singular value, of the first one's, so that a few that all labels share do
        not outweigh the others.
        """
        _, strengths, rows = np.linalg.svd(self.weights.astype(np.float64), full_matrices=False)
        found = rows[:count].T * np.sqrt(strengths[0] / strengths[:count])
        # The sign of a direction is the library's choice: the same one everywhere.
        largest = found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])]
        directions: NDArray[np.float64] = found * np.where(largest < 0, -1.0, 1.0)
        return directions

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (n, labels) in [0, 1] for vectors float32 (n, d)."""
        logits = vectors @ self.weights.T + self.biases
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
