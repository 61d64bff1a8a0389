"""What an embedder is, apart from its weights: everything that the rest of the project reads of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recommender.audio.preparation import EVEN
from recommender.embedders.framing import Framing
from recommender.embedders.labels import LabelHead
from recommender.errors import NoWeights

if TYPE_CHECKING:
    from recommender.embedders.networks.network import Network


@dataclass(frozen=True, slots=True)
class Model:
    """What the service's `/model/metadata` says of a model, in the words of IBM's MAX."""

    id: str
    name: str
    description: str
    license: str
    source: str
    type: str = "Audio Modeling"


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """One embedder: a module of this package defines it, and a line of the registry names it.

    name: by which people choose it. space: of its vectors, never compared with those of another. dimension: values of
    a frame vector. framing: which samples a row stands for, and at which rate. model: for the service's metadata.
    weights: where they come from, for people. purpose: what it is for, likewise.
    load: returns the network, with weights from a folder where one is named; raises `NoWeights`.
    label_head: returns its own classifier, without loading the network; None where it has none.
    pooling: how a library's frame vectors become a clip vector, by the names of `recommender.vectors.pool`.
    directions: how many leading ones of its classifier clip vectors are projected on; 0 for no projection.
    preparation: what is done to a library's audio before it, by the names of `recommender.audio.preparation`.
    quantised: whether values travel as bytes, as IBM's container sends them. modalities: what it embeds.
    """

    name: str
    space: str
    dimension: int
    framing: Framing
    model: Model
    weights: str
    purpose: str
    load: Callable[[Path | None], Network]
    label_head: Callable[[Path | None], LabelHead] | None = None
    pooling: str = "mean"
    directions: int = 0
    preparation: str = EVEN
    quantised: bool = False
    modalities: tuple[str, ...] = ("audio",)

    @property
    def sample_rate(self) -> int:
        """Samples a second of the audio that it takes, one channel."""
        return self.framing.rate

    def projection(self, weights: Path | None) -> NDArray[np.float64] | None:
        """Return what a library's clip vectors are projected by, float64 (dimension, directions), None for nothing.

        weights: as for `label_head`. None also where this machine has no weights, because a service embeds for it: then
        the vectors are four times as long, and find nearly as well.
        """
        if not self.directions or self.label_head is None:
            return None
        try:
            return self.label_head(weights).directions(self.directions)
        except NoWeights:
            return None

    @property
    def hop(self) -> float:
        """Seconds between rows."""
        return self.framing.seconds
