"""VGGish (Hershey et al. 2017, arXiv:1609.09430) as Google released it: front end, network, PCA and quantisation.

Without the ReLU that the first release had on the embedding: that is the space of the AudioSet features
(tensorflow/models#9080). With it, vectors are those of IBM's container.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.audio import SAMPLE_RATE
from recommender.embedders.framing import Framing
from recommender.embedders.networks.mel import hann, htk_bands, spectrum
from recommender.embedders.networks.network import read_checkpoint, tensorflow
from recommender.embedders.networks.weights import DEFAULT_FOLDER
from recommender.embedders.spec import EmbedderSpec, Model
from recommender.errors import NoWeights
from recommender.vectors import QUANTISED_MAX, QUANTISED_MIN, dequantise

CHECKPOINT = "vggish_model.ckpt"
PCA = "vggish_pca_params.npz"
SHA512 = {
    CHECKPOINT: "4e320f1b148f7ae8e08a8df17b102582e57fd8a9688ec17ce8f6077f062ce8fc"
    "aea711933c1b80192f3c2a9f7a09b40d6616e04b0f22a68d217ff1ec8ef0376f",
    PCA: "3728bcbc45cb05b4cff527434a069f990e110f1fc9687f74fce55dc204da6aa0"
    "f0f96cb4466a96fc056c32743c63830022c839072cc501a3f14bfb44928a701c",
}
"""Of the files under storage.googleapis.com/audioset/."""
FRAMES = 96
"""Frames of a patch: 0.96 s."""
BANDS = 64
DIMENSION = 128
_WINDOW = 400
"""Samples of a frame: 25 ms."""
_HOP = 160
"""Samples between frames: 10 ms."""
_LOW_HZ, _HIGH_HZ = 125.0, 7500.0
_LOG_OFFSET = 0.01
_LAYERS = (
    *(("conv1", (3, 3, 1, 64)), ("conv2", (3, 3, 64, 128))),
    *(("conv3/conv3_1", (3, 3, 128, 256)), ("conv3/conv3_2", (3, 3, 256, 256))),
    *(("conv4/conv4_1", (3, 3, 256, 512)), ("conv4/conv4_2", (3, 3, 512, 512))),
    *(("fc1/fc1_1", (6 * 4 * 512, 4096)), ("fc1/fc1_2", (4096, 4096)), ("fc2", (4096, DIMENSION))),
)
"""Scopes of the checkpoint's variables under `vggish/`, and the shapes of their weights."""
_POOLED = {"conv1", "conv2", "conv3/conv3_2", "conv4/conv4_2"}
"""Convolutions that a 2x2 max-pool follows."""
_SMOKE_MEAN, _SMOKE_STD = 0.000657, 0.343
"""Of the embedding of 3 s of a 1 kHz sine, in Google's vggish_smoke_test.py, without the ReLU."""
_SMOKE_TOLERANCE = 0.1
"""Google's own, relative to the standard deviation here, since the mean is next to zero."""


_FRAMING = Framing(hop=FRAMES * _HOP, window=(FRAMES - 1) * _HOP + _WINDOW, before=0, fill=15_600)
SPEC = EmbedderSpec(
    name="vggish",
    space="vggish-pca",
    dimension=DIMENSION,
    framing=_FRAMING,
    model=Model(
        id="audio_embeddings-tf",
        name="audio_embeddings TensorFlow Model",
        description="audio_embeddings TensorFlow model trained on Audio Set",
        license="Apache 2.0",
        source="https://developer.ibm.com/exchanges/models/all/max-audio-embedding-generator/",
    ),
    weights="`recommender fetch vggish`",
    purpose="uploads against AudioSet",
    load=lambda weights: VGGish(weights),
    quantised=True,
)
RELU = replace(
    SPEC,
    name="vggish-relu",
    space="vggish-relu-pca",
    weights="its own in IBM's container, reached by `EMBEDDER_URL`; or `recommender fetch vggish`",
    purpose="teams that run IBM's MAX Audio Embedding Generator, or vectors that it made",
    load=lambda weights: VGGish(weights, relu=True),
)


class VGGish:
    """The network with its PCA; vectors are the dequantised bytes that MAX would send."""

    tag_names: tuple[str, ...] = ()
    batch = 16

    def __init__(self, folder: Path | None = None, relu: bool = False) -> None:
        """Read the weights of a folder; raises `NoWeights`."""
        self.spec = RELU if relu else SPEC
        folder = folder or DEFAULT_FOLDER
        self._pca = PcaParameters.read(_required(folder, PCA))
        self._raw = _graph(read_checkpoint(str(_required(folder, CHECKPOINT))))
        self._relu = relu
        self.verified = _as_published(folder) and self._smoke_test()

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Compute log mel patches float32 (rows, 96, 64)."""
        hop, window = _FRAMING.hop, _FRAMING.window
        samples = pcm[first * hop : (last - 1) * hop + window] / 32_768
        return log_mel(samples)[: (last - first) * FRAMES].reshape(last - first, FRAMES, BANDS).astype(np.float32)

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return vectors float32 (rows, 128) in [-2, 2], and no tags."""
        raw = self.raw(patches)
        return dequantise(self._pca.bytes_of(np.maximum(raw, 0) if self._relu else raw)), np.empty(
            (len(raw), 0), np.float32
        )

    def raw(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embedding before ReLU and PCA, float32 (rows, 128)."""
        embedding: NDArray[np.float32] = self._raw(patches).numpy()
        return embedding

    def _smoke_test(self) -> bool:
        """Whether a sine yields the figures of Google's smoke test."""
        sine = np.rint(32_767 * np.sin(2 * np.pi * 1000 / SAMPLE_RATE * np.arange(3 * SAMPLE_RATE))).astype(np.int16)
        raw = self.raw(self.patches(sine, 0, _FRAMING.rows(len(sine))))
        allowed = _SMOKE_TOLERANCE * _SMOKE_STD
        return bool(abs(raw.mean() - _SMOKE_MEAN) < allowed and abs(raw.std() - _SMOKE_STD) < allowed)


class PcaParameters:
    """The PCA with whitening that was applied to the AudioSet features."""

    def __init__(self, eigenvectors: NDArray[np.float64], means: NDArray[np.float64]) -> None:
        if eigenvectors.shape != (DIMENSION, DIMENSION) or means.size != DIMENSION:
            raise NoWeights(f"{PCA} does not hold VGGish's PCA: fetch the weights again.")
        self._eigenvectors = eigenvectors
        self._means = means.reshape(DIMENSION)

    @classmethod
    def read(cls, path: Path) -> PcaParameters:
        """Read the .npz file; raises `NoWeights`."""
        try:
            with np.load(path, allow_pickle=False) as parameters:
                return cls(parameters["pca_eigen_vectors"], parameters["pca_means"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise NoWeights(f"{path} does not hold VGGish's PCA: fetch the weights again.") from error

    def bytes_of(self, raw: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Transform embeddings (rows, 128), clip to [-2, 2] and quantise, truncating, to bytes (vggish_postprocess)."""
        transformed = (raw.astype(np.float64) - self._means) @ self._eigenvectors.T
        clipped = np.clip(transformed, QUANTISED_MIN, QUANTISED_MAX)
        levels = (clipped - QUANTISED_MIN) * (255.0 / (QUANTISED_MAX - QUANTISED_MIN))
        return np.asarray(levels.astype(np.uint8))


_HANN = hann(_WINDOW)
_FILTERS = htk_bands(BANDS, _LOW_HZ, _HIGH_HZ)


def log_mel(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute log(mel magnitude + 0.01) of samples (n,) in [-1, 1]: float64 (frames, 64), without padding."""
    magnitude = np.abs(spectrum(samples, _HANN, _HOP))
    return np.asarray(np.log(magnitude @ _FILTERS + _LOG_OFFSET))


def _graph(reader: Any) -> Any:
    """Build the network as a function of patches (rows, 96, 64) that returns the embedding; raises `NoWeights`."""
    tf = tensorflow()
    # Variables, not constants: 288 MB would be copied into the graph, and again by its optimiser.
    weights = {name: tf.Variable(_tensor(reader, f"{name}/weights", shape)) for name, shape in _LAYERS}
    biases = {name: tf.Variable(_tensor(reader, f"{name}/biases", shape[-1:])) for name, shape in _LAYERS}

    def network(patches: Any) -> Any:
        x = patches[..., None]
        for name, shape in _LAYERS:
            if len(shape) == 4:
                x = tf.nn.relu(tf.nn.conv2d(x, weights[name], 1, "SAME") + biases[name])
                x = tf.nn.max_pool2d(x, 2, 2, "SAME") if name in _POOLED else x
            else:
                x = tf.reshape(x, [-1, shape[0]]) @ weights[name] + biases[name]
                x = x if name == "fc2" else tf.nn.relu(x)
        return x

    return tf.function(network, input_signature=[tf.TensorSpec([None, FRAMES, BANDS], tf.float32)])


def _tensor(reader: Any, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    variable = f"vggish/{name}"
    if not reader.has_tensor(variable) or tuple(reader.get_variable_to_shape_map()[variable]) != shape:
        raise NoWeights(f"{CHECKPOINT} is not VGGish's ({variable} is missing or misshapen): fetch it again.")
    tensor: NDArray[np.float32] = reader.get_tensor(variable)
    return tensor


def _required(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise NoWeights(f"{path} is missing: run `python -m recommender fetch vggish --to {folder}`.")
    return path


def _as_published(folder: Path) -> bool:
    return all(sha512_of(folder / name) == digest for name, digest in SHA512.items())


def sha512_of(path: Path) -> str:
    """Hash a file's bytes; returns hex."""
    digest = hashlib.sha512()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
