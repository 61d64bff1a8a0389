"""Embedders in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.audio.decoding import require_audible
from recommender.embedders import Frames
from recommender.embedders.network import Network
from recommender.errors import NoWeights

NAMES = ("musicnn", "vggish", "yamnet")
"""Embedders that can run in process."""
DEFAULT_WEIGHTS = Path("weights")
"""Where weights are looked for, and fetched to, when no folder is named."""


class LocalEmbedder:
    """Drives a network over audio of any length, a batch of rows at a time, so that memory stays bounded."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def space(self) -> str:
        return self.network.space

    @property
    def tag_names(self) -> tuple[str, ...]:
        return self.network.tag_names

    def embed(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        """Embed samples (n,) int16, 16 kHz mono; raises `TooShort`, `Silent`."""
        require_audible(pcm)
        return self.embed_piece(pcm, tags)

    def embed_piece(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        """Embed a piece of longer audio, which may be silent; `embed` otherwise."""
        network = self.network
        pcm = network.framing.filled(pcm)
        rows = network.framing.rows(len(pcm))
        outputs = [
            network.run(network.patches(pcm, first, min(rows, first + network.batch)))
            for first in range(0, rows, network.batch)
        ]
        vectors = np.concatenate([vectors for vectors, _ in outputs])
        names = network.tag_names if tags else ()
        columns = np.concatenate([tag for _, tag in outputs]) if names else np.empty((rows, 0), np.float32)
        return Frames(network.space, network.framing.seconds, vectors, columns, names)


def in_process(name: str, weights: Path | None) -> LocalEmbedder:
    """Load an embedder by its name or its space's, with weights from a folder; raises `NoWeights`."""
    loader = _LOADERS.get(name)
    if loader is None:
        raise NoWeights(f"There is no embedder {name!r}: choose one of {', '.join(NAMES)}.")
    return LocalEmbedder(loader(weights))


def _musicnn(weights: Path | None) -> Network:
    from recommender.embedders.musicnn import MusiCNN

    return MusiCNN()


def _vggish(weights: Path | None) -> Network:
    from recommender.embedders.vggish import VGGish

    return VGGish(weights or DEFAULT_WEIGHTS)


def _vggish_relu(weights: Path | None) -> Network:
    from recommender.embedders.vggish import VGGish

    return VGGish(weights or DEFAULT_WEIGHTS, relu=True)


def _yamnet(weights: Path | None) -> Network:
    from recommender.embedders.yamnet import YAMNet

    return YAMNet(weights)


_LOADERS: dict[str, Callable[[Path | None], Network]] = {
    "musicnn": _musicnn,
    "musicnn-msd": _musicnn,
    "vggish": _vggish,
    "vggish-pca": _vggish,
    "vggish-relu-pca": _vggish_relu,
    "yamnet": _yamnet,
    "yamnet-fp32": _yamnet,
}
