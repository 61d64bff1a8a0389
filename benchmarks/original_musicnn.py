"""The original MusiCNN package's way, for comparison: its layers as it writes them, one patch at a time.

The package itself needs TensorFlow 1's layers, which no current TensorFlow has. Here its graph is built from the same
checkpoint by the same operations, and gives all the features that its extractor asks for. In its favour, the graph is
built once; `rebuilt` makes it anew for each file, with the checkpoint read again, which is what the package does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.musicnn import MusiCNN, wheel_checkpoint
from recommender.embedders.networks.musicnn_graph import BANDS, FRAMES
from recommender.embedders.networks.network import read_checkpoint, tensorflow


class OriginalMusiCNN(MusiCNN):
    """The same front end and framing, the original's network and batch size."""

    batch = 1

    def __init__(self) -> None:
        super().__init__()
        self.rebuilt()

    def rebuilt(self) -> OriginalMusiCNN:
        """Read the checkpoint and build the graph."""
        self._original = _build(read_checkpoint(f"{wheel_checkpoint()}/"))
        return self

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the penultimate layer and the tags, after fetching every feature as the extractor does."""
        features = [feature.numpy() for feature in self._original(patches)]
        return features[-1], features[0]


def _build(reader: Any) -> Any:
    tf = tensorflow()
    tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if "Adam" not in name}

    def layer(kind: str, number: int, name: str) -> Any:
        return tensors[f"{kind}_{number}/{name}" if number else f"{kind}/{name}"]

    def normal(x: Any, number: int) -> Any:
        names = ("moving_mean", "moving_variance", "beta", "gamma")
        mean, variance, beta, gamma = (layer("batch_normalization", number, name) for name in names)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 0.001)

    def convolve(x: Any, number: int, padding: str) -> Any:
        convolved = tf.nn.conv2d(x, layer("conv2d", number, "kernel"), 1, padding)
        return normal(tf.nn.relu(tf.nn.bias_add(convolved, layer("conv2d", number, "bias"))), number + 1)

    def network(patches: Any) -> list[Any]:
        x = normal(patches[..., None], 0)
        in_time = tf.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
        front = [tf.reduce_max(convolve(in_time, n, "VALID"), 2) for n in (0, 1)]
        front += [tf.reduce_max(convolve(x, n, "SAME"), 2) for n in (2, 3, 4)]
        features = [tf.concat(front, 2)[..., None]]
        for number in (5, 6, 7):
            padded = tf.pad(features[-1], [[0, 0], [3, 3], [0, 0], [0, 0]])
            new = tf.transpose(convolve(padded, number, "VALID"), [0, 1, 3, 2])
            features.append(new if number == 5 else new + features[-1])
        everything = tf.concat(features, 2)
        highest, mean = tf.reduce_max(everything, 1), tf.reduce_mean(everything, 1)
        pooled = tf.reshape(tf.concat([highest, mean], 2), [-1, 2 * everything.shape[2]])
        hidden = tf.nn.relu(normal(pooled, 9) @ layer("dense", 0, "kernel") + layer("dense", 0, "bias"))
        vectors = normal(hidden, 10)
        tags = tf.sigmoid(vectors @ layer("dense", 1, "kernel") + layer("dense", 1, "bias"))
        timbral, temporal = tf.concat(front[:2], 2), tf.concat(front[2:], 2)
        return [tags, timbral, temporal, *features[1:], mean, highest, vectors]

    return tf.function(network, input_signature=[tf.TensorSpec([None, FRAMES, BANDS], tf.float32)])
