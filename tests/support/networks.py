"""A network that needs no TensorFlow, for tests of what stands around networks."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from recommender.embedders import registry
from recommender.vectors import dequantise


class FirstSamples:
    """Returns, for each row, the first samples that it spans; holds each batch back until `gate` is open."""

    def __init__(self, space: str = "vggish-pca", batch: int = 8) -> None:
        self.spec = registry.of_space(space)
        self.tag_names = ("first", "second")
        self.batch = batch
        self.verified = False
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        width, hop = self.spec.dimension, self.spec.framing.hop
        return np.stack([pcm[row * hop : row * hop + width] for row in range(first, last)]).astype(np.float32)

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.batches.append(len(patches))
        self.entered.release()
        self.gate.wait()
        if patches.max() == 32_767:
            raise RuntimeError("the network fails")
        vectors = dequantise(patches % 256) if self.spec.quantised else patches
        return vectors, np.full((len(patches), 2), 0.5, np.float32)
