"""A small, quick embedder that needs no TensorFlow: band energies, for tests of what is built around embedders."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from recommender.embedders import Embedder, musicnn
from recommender.embedders.local import LocalEmbedder
from recommender.library.embedding.embedder_pool import EmbedderPool
from tests.support.http import serving

TAGS = ("low", "middle", "high")


class SpectralNetwork:
    """Returns 200 log band energies per patch of MusiCNN's length, in MusiCNN's space; tags say where the energy is."""

    spec = musicnn.SPEC
    tag_names = TAGS
    batch = 8
    verified = False

    def __init__(self, before_run: Callable[[], None] = lambda: None) -> None:
        self.before_run = before_run
        self.rows = 0

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        hop, window = self.spec.framing.hop, self.spec.framing.window
        rows = [pcm[row * hop : row * hop + window].astype(np.float32) / 32_768 for row in range(first, last)]
        return np.stack([np.pad(row, (0, window - len(row))) for row in rows])

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.before_run()
        self.rows += len(patches)
        power = np.abs(np.fft.rfft(patches, axis=1)) ** 2
        edges = np.geomspace(20, power.shape[1] - 1, 201).astype(int)
        bands = np.stack([power[:, a : max(b, a + 1)].mean(axis=1) for a, b in itertools.pairwise(edges)], 1)
        vectors = np.log10(bands + 1e-3).astype(np.float32)
        thirds = np.stack([bands[:, :70].sum(1), bands[:, 70:140].sum(1), bands[:, 140:].sum(1)], 1) + 1e-9
        return vectors, (thirds / thirds.sum(axis=1, keepdims=True)).astype(np.float32)


class SpectralPool(EmbedderPool):
    """EmbedderPool with the small embedder; `embedded_rows` tells how much it had to embed."""

    def __init__(self, before_run: Callable[[], None] = lambda: None) -> None:
        super().__init__("musicnn")
        self.network = SpectralNetwork(before_run)

    @property
    def embedded_rows(self) -> int:
        return self.network.rows

    def embedders(self) -> list[Embedder]:
        return [LocalEmbedder(self.network)]


def served(network: SpectralNetwork) -> AbstractContextManager[str]:
    """Serve it as the real embedder service does; returns the address."""
    from recommender.service.app import create_app

    return serving(create_app(LocalEmbedder(network)))
