"""Embedders in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.audio.decoding import require_audible
from recommender.embedders import Frames, registry
from recommender.embedders.networks.network import Network


class LocalEmbedder:
    """Drives a network over audio of any length, a batch of rows at a time, so that memory stays bounded."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def space(self) -> str:
        return self.network.spec.space

    @property
    def tag_names(self) -> tuple[str, ...]:
        return self.network.tag_names

    def embed(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        """Embed samples (n,) int16, mono at its rate; raises `TooShort`, `Silent`."""
        require_audible(pcm, self.network.spec.sample_rate)
        return self.embed_piece(pcm, tags)

    def embed_piece(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        """Embed a piece of longer audio, which may be silent; `embed` otherwise."""
        network = self.network
        framing = network.spec.framing
        pcm = framing.filled(pcm)
        rows = framing.rows(len(pcm))
        outputs = [
            network.run(network.patches(pcm, first, min(rows, first + network.batch)))
            for first in range(0, rows, network.batch)
        ]
        vectors = np.concatenate([vectors for vectors, _ in outputs])
        names = network.tag_names if tags else ()
        columns = np.concatenate([tag for _, tag in outputs]) if names else np.empty((rows, 0), np.float32)
        return Frames(network.spec.space, framing.seconds, vectors, columns, names)


def in_process(name: str, weights: Path | None) -> LocalEmbedder:
    """Load an embedder by its name or its space's, with weights from a folder; raises `NoWeights`."""
    return LocalEmbedder(registry.named(name).load(weights))
