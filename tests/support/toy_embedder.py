"""An embedder as the next person would add it: one module that defines a spec. Tests register it by one line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.framing import Framing
from recommender.embedders.labels import LabelHead
from recommender.embedders.spec import EmbedderSpec, Model

BANDS = 24
TAGS = ("low", "high")
SPEC = EmbedderSpec(
    name="toy",
    space="toy-bands",
    dimension=BANDS,
    framing=Framing(hop=16_000, window=32_000, before=0, fill=32_000, rate=32_000),
    model=Model("toy", "Toy", "Energies of bands", "MIT", "https://soundalike.example/toy"),
    weights="none",
    purpose="tests",
    load=lambda weights: Toy(),
    label_head=lambda weights: head(),
)


def head() -> LabelHead:
    return LabelHead(TAGS, np.repeat(np.eye(2, dtype=np.float32), BANDS // 2, axis=1), np.zeros(2, np.float32))


class Toy:
    """Log energies of 24 bands, each second."""

    spec = SPEC
    tag_names = TAGS
    batch = 4
    verified = True

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        hop, window = SPEC.framing.hop, SPEC.framing.window
        rows = [pcm[row * hop : row * hop + window] for row in range(first, last)]
        patches: NDArray[np.float32] = np.stack(rows).astype(np.float32) / np.float32(32_768)
        return patches

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        bands = np.array_split(np.abs(np.fft.rfft(patches, axis=1)), BANDS, axis=1)
        vectors = np.log1p(np.stack([band.mean(1) for band in bands], 1)).astype(np.float32)
        return vectors, head().scores(vectors)
