"""MusiCNN (Pons & Serra 2019, arXiv:1909.06654) with the Million Song Dataset weights of the PyPI wheel `musicnn`.

Only the wheel's checkpoint is read; its code needs versions of its dependencies that no longer install.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.framing import FRAMINGS, Framing
from recommender.embedders.mel import FFT_SIZE, hann, slaney_bands, spectrum
from recommender.embedders.network import read_checkpoint, tensorflow
from recommender.errors import NoWeights

FRAMES = 187
"""Frames of a patch."""
HOP = 256
"""Samples between frames."""
BANDS = 96
_TAG_LIST = """
rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, beautiful, metal,
chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, 80s, folk, 90s, chill, instrumental,
punk, oldies, blues, hard rock, ambient, acoustic, experimental, female vocalist, guitar, Hip-Hop, 70s, party, country,
easy listening, sexy, catchy, funk, electro, heavy metal, Progressive rock, 60s, rnb, indie pop, sad, House, happy
"""
TAGS = tuple(name.strip() for name in _TAG_LIST.split(","))
"""The 50 tags in the order of the output layer."""
_EPSILON = 0.001
"""Of batch normalisation: TensorFlow 1's default, which the weights were trained with."""


class MusiCNN:
    """The network; `batch` rows at once take about 25 MB each."""

    space = "musicnn-msd"
    framing: Framing = FRAMINGS["musicnn-msd"]
    tag_names = TAGS
    batch = 8
    verified = True

    def __init__(self, checkpoint: Path | None = None) -> None:
        folder = checkpoint or wheel_checkpoint()
        reader = read_checkpoint(f"{folder}/")
        self._window = hann(FFT_SIZE).astype(np.float32)
        self._bands = slaney_bands(BANDS)
        self._run = _graph(reader)

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
        """Give the penultimate layer float32 (rows, 200) and the tags float32 (rows, 50)."""
        vectors, tags = self._run(patches)
        return vectors.numpy(), tags.numpy()


def wheel_checkpoint() -> Path:
    """Find the checkpoint's folder inside the installed wheel, without importing it; raises `NoWeights`."""
    spec = importlib.util.find_spec("musicnn")
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / "MSD_musicnn"
        if folder.is_dir():
            return folder
    raise NoWeights("MusiCNN's weights are missing: run `make install`, or pip install --no-deps musicnn==0.1.0.")


def _graph(reader: Any) -> Any:
    """Build the network as a function of patches (rows, 187, 96) that gives the penultimate layer and the tags."""
    tf = tensorflow()
    layers = _Layers(tf, reader)

    def network(patches: Any) -> tuple[Any, Any]:
        layers.start()
        x = layers.normalised(patches[..., None])
        in_time = tf.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
        front = [layers.pooled(in_time, "VALID"), layers.pooled(in_time, "VALID")]
        front += [layers.pooled(x, "SAME") for _ in range(3)]
        features = [tf.concat(front, 2)]
        for level in range(3):
            new = layers.over_time(features[-1])
            features.append(new if level == 0 else new + features[-1])
        everything = tf.concat(features, 2)
        # Maximum and mean alternate: the original concatenates them along a trailing axis before it flattens.
        pooled = tf.stack([tf.reduce_max(everything, 1), tf.reduce_mean(everything, 1)], 2)
        pooled = tf.reshape(pooled, [-1, 2 * everything.shape[2]])
        hidden = tf.nn.relu(layers.dense(layers.normalised(pooled)))
        vectors = layers.normalised(hidden)
        return vectors, tf.sigmoid(layers.dense(vectors))

    signature = [tf.TensorSpec([None, FRAMES, BANDS], tf.float32)]
    return tf.function(network, input_signature=signature)


class _Layers:
    """Takes the checkpoint's variables in the order in which TensorFlow 1 numbered them."""

    def __init__(self, tf: Any, reader: Any) -> None:
        self._tf = tf
        self._reader = reader
        self.start()

    def start(self) -> None:
        self._next = {"conv2d": 0, "batch_normalization": 0, "dense": 0}

    def _variables(self, layer: str, *names: str) -> list[Any]:
        number = self._next[layer]
        self._next[layer] += 1
        scope = f"{layer}_{number}" if number else layer
        return [self._tf.constant(self._reader.get_tensor(f"{scope}/{name}")) for name in names]

    def normalised(self, x: Any) -> Any:
        """Normalise by the statistics of training."""
        gamma, beta, mean, variance = self._variables(
            "batch_normalization", "gamma", "beta", "moving_mean", "moving_variance"
        )
        scale = gamma * self._tf.math.rsqrt(variance + _EPSILON)
        return x * scale + (beta - mean * scale)

    def convolved(self, x: Any, padding: str) -> Any:
        kernel, bias = self._variables("conv2d", "kernel", "bias")
        return self._tf.nn.relu(self._tf.nn.conv2d(x, kernel, 1, padding) + bias)

    def pooled(self, x: Any, padding: str) -> Any:
        """Convolve, and keep the maximum over frequency: (rows, time, filters)."""
        return self._tf.reduce_max(self.normalised(self.convolved(x, padding)), 2)

    def over_time(self, x: Any) -> Any:
        """Convolve 7 frames of all features: (rows, time, features) -> (rows, time, 64)."""
        padded = self._tf.pad(x, [[0, 0], [3, 3], [0, 0]])[..., None]
        return self.normalised(self.convolved(padded, "VALID"))[:, :, 0, :]

    def dense(self, x: Any) -> Any:
        kernel, bias = self._variables("dense", "kernel", "bias")
        return x @ kernel + bias
