"""MusiCNN (Pons & Serra 2019, arXiv:1909.06654) with the Million Song Dataset weights of the PyPI wheel `musicnn`.

Only the wheel's checkpoint is read; its code needs versions of its dependencies that no longer install.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.framing import Framing
from recommender.embedders.labels import LabelHead
from recommender.embedders.networks.mel import FFT_SIZE, hann, slaney_bands, spectrum
from recommender.embedders.networks.musicnn_graph import BANDS, FRAMES, build
from recommender.embedders.networks.network import read_checkpoint
from recommender.embedders.networks.weights import find_in_package
from recommender.embedders.spec import EmbedderSpec, Model
from recommender.errors import NoWeights

HOP = 256
"""Samples between frames."""
_TAG_LIST = """
rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, beautiful, metal,
chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, 80s, folk, 90s, chill, instrumental,
punk, oldies, blues, hard rock, ambient, acoustic, experimental, female vocalist, guitar, Hip-Hop, 70s, party, country,
easy listening, sexy, catchy, funk, electro, heavy metal, Progressive rock, 60s, rnb, indie pop, sad, House, happy
"""
TAGS = tuple(name.strip() for name in _TAG_LIST.split(","))
"""The 50 tags in the order of the output layer."""


SPEC = EmbedderSpec(
    name="musicnn",
    space="musicnn-msd",
    dimension=200,
    # 187 centred frames of 512 samples every 256: the last is centred on sample 186 x 256, whatever follows it.
    framing=Framing(hop=FRAMES * HOP, window=(FRAMES - 1) * HOP, before=HOP, fill=48_000),
    model=Model(
        id="musicnn-tf",
        name="MusiCNN TensorFlow Model",
        description="MusiCNN TensorFlow model trained on the Million Song Dataset",
        license="ISC",
        source="https://github.com/jordipons/musicnn",
    ),
    weights="installed, from the PyPI wheel `musicnn`",
    purpose="music; 50 tags",
    load=lambda weights: MusiCNN(),
    label_head=lambda weights: label_head(),
)


class MusiCNN:
    """The network; `batch` rows at once take about 25 MB each."""

    spec = SPEC
    tag_names = TAGS
    batch = 8
    verified = True

    def __init__(self, checkpoint: Path | None = None) -> None:
        folder = checkpoint or wheel_checkpoint()
        reader = read_checkpoint(f"{folder}/")
        self._window = hann(FFT_SIZE).astype(np.float32)
        self._bands = slaney_bands(BANDS)
        self._run = build(reader)

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Compute log mel patches float32 (rows, 187, 96): log10(10000 power + 1) of centred frames, zero-padded."""
        half = FFT_SIZE // 2
        start = first * FRAMES * HOP - half
        stop = (last * FRAMES - 1) * HOP + half
        samples = np.zeros(stop - start, np.float32)
        known = pcm[max(0, start) : min(len(pcm), stop)]
        offset = max(0, -start)
        samples[offset : offset + len(known)] = known.astype(np.float32) / 32_768
        power = np.abs(spectrum(samples, self._window, HOP)) ** 2
        log_mel: NDArray[np.float32] = np.log10(10_000 * (power @ self._bands) + 1)
        return log_mel.reshape(last - first, FRAMES, BANDS)

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the penultimate layer float32 (rows, 200) and the tags float32 (rows, 50)."""
        vectors, tags = self._run(patches)
        return vectors.numpy(), tags.numpy()


def label_head() -> LabelHead:
    """Return MusiCNN's classifier over its 50 tags; raises `NoWeights`."""
    reader = read_checkpoint(f"{wheel_checkpoint()}/")
    weights, biases = (reader.get_tensor(f"dense_1/{name}") for name in ("kernel", "bias"))
    return LabelHead(TAGS, np.ascontiguousarray(weights.T), biases)


def wheel_checkpoint() -> Path:
    """Find the checkpoint's folder inside the installed wheel, without importing it; raises `NoWeights`."""
    folder = find_in_package("musicnn", "MSD_musicnn")
    if folder is None:
        raise NoWeights("MusiCNN's weights are missing: run `make install`, or pip install --no-deps musicnn==0.1.0.")
    return folder
