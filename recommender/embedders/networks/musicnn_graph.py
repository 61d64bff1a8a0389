"""MusiCNN's layers in TensorFlow, from the variables of the published checkpoint.

The front end is laid out for CPUs: TensorFlow convolves a single input channel at a fifth of the speed of a matrix
product. So neighbouring outputs along the kernel's long axis are computed together, as one product of a strip of the
input with a matrix that holds the kernel at each of their places; and since only the maximum over frequency is kept,
bias, ReLU and batch normalisation come after it, on a hundredth of the values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.networks.network import tensorflow

FRAMES = 187
"""Frames of a patch."""
BANDS = 96
_EPSILON = 0.001
"""Of batch normalisation: TensorFlow 1's default, which the weights were trained with."""
_BANDS_AT_ONCE = {38: 12, 67: 6}
"""Outputs along frequency that are computed together, by the kernel's bands: the fastest of those tried."""
_FRAMES_AT_ONCE = 16
"""The same along time."""


def build(reader: Any) -> Any:
    """Build the network as a function of patches (rows, 187, 96) that returns the penultimate layer and the tags.

    reader: the checkpoint's.
    """
    tf = tensorflow()

    def network(patches: Any) -> tuple[Any, Any]:
        layers = _Layers(tf, reader)
        x = layers.normalised(patches[..., None])[..., 0]
        front = [layers.timbral(x), layers.timbral(x), *(layers.temporal(x) for _ in range(3))]
        features = [tf.concat(front, 2)]
        for level in range(3):
            new = layers.over_time(features[-1])
            features.append(new if level == 0 else new + features[-1])
        everything = tf.concat(features, 2)
        # Maximum and mean alternate: the original concatenates them along a trailing axis before it flattens.
        pooled = tf.stack([tf.reduce_max(everything, 1), tf.reduce_mean(everything, 1)], 2)
        pooled = tf.reshape(pooled, [-1, 2 * everything.shape[2]])
        vectors = layers.normalised(tf.nn.relu(layers.dense(layers.normalised(pooled))))
        return vectors, tf.sigmoid(layers.dense(vectors))

    return tf.function(network, input_signature=[tf.TensorSpec([None, FRAMES, BANDS], tf.float32)])


class _Layers:
    """Takes the checkpoint's variables in the order in which TensorFlow 1 numbered them."""

    def __init__(self, tf: Any, reader: Any) -> None:
        self._tf = tf
        self._reader = reader
        self._next = {"conv2d": 0, "batch_normalization": 0, "dense": 0}

    def _variables(self, layer: str, *names: str) -> list[NDArray[np.float32]]:
        number = self._next[layer]
        self._next[layer] += 1
        scope = f"{layer}_{number}" if number else layer
        return [self._reader.get_tensor(f"{scope}/{name}") for name in names]

    def _scale_and_shift(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Fold a batch normalisation's statistics of training into a factor and a summand."""
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = self._variables("batch_normalization", *names)
        scale = gamma / np.sqrt(variance + np.float32(_EPSILON))
        return scale, beta - mean * scale

    def normalised(self, x: Any) -> Any:
        """Normalise by the statistics of training."""
        scale, shift = self._scale_and_shift()
        return x * scale + shift

    def dense(self, x: Any) -> Any:
        kernel, bias = self._variables("dense", "kernel", "bias")
        return x @ self._outside(kernel) + bias

    def _outside(self, values: NDArray[np.float32]) -> Any:
        """Make a tensor outside the graph, which TensorFlow copies several times while it optimises."""
        with self._tf.init_scope():
            return self._tf.constant(values)

    def over_time(self, x: Any) -> Any:
        """Convolve 7 frames of all features: (rows, time, features) -> (rows, time, 64)."""
        kernel, bias = self._variables("conv2d", "kernel", "bias")
        convolved = self._tf.nn.conv1d(x, self._outside(kernel[:, :, 0]), 1, "SAME")
        return self.normalised(self._tf.nn.relu(convolved + bias))

    def timbral(self, x: Any) -> Any:
        """Convolve 7 frames of many bands, and keep the maximum over frequency: (rows, time, 204)."""
        tf = self._tf
        padded = tf.pad(x, [[0, 0], [3, 3], [0, 0]])

        def maximum(kernel: NDArray[np.float32]) -> Any:
            width, filters = kernel.shape[1], kernel.shape[2]
            outputs, together = BANDS - width + 1, _BANDS_AT_ONCE[width]
            matrix = np.stack([np.pad(k, ((0, together - 1), (0, 0))) for k in kernel])
            matrix = self._outside(_shifted(matrix, together).reshape(len(kernel), -1, together * filters))
            strips = []
            # The last strip overlaps the one before, which a maximum does not mind.
            for first in [*range(0, outputs - together, together), outputs - together]:
                strip = tf.nn.conv1d(padded[:, :, first : first + width + together - 1], matrix, 1, "VALID")
                strips.append(tf.reduce_max(tf.reshape(strip, [-1, FRAMES, together, filters]), 2))
            return tf.reduce_max(tf.stack(strips), 0)

        return self._pooled(maximum)

    def temporal(self, x: Any) -> Any:
        """Convolve many frames of each band, and keep the maximum over frequency: (rows, time, 51)."""
        tf = self._tf

        def maximum(kernel: NDArray[np.float32]) -> Any:
            length, filters = kernel.shape[0], kernel.shape[2]
            together = _FRAMES_AT_ONCE
            span = length + together - 1
            count = -(-FRAMES // together)
            before = (length - 1) // 2
            after = (count - 1) * together + span - FRAMES - before
            bands = tf.transpose(tf.pad(x, [[0, 0], [before, after], [0, 0]]), [0, 2, 1])
            strips = tf.stack([bands[:, :, at : at + span] for at in range(0, count * together, together)], 1)
            matrix = _shifted(np.pad(kernel[:, 0], ((0, together - 1), (0, 0)))[None], together)
            product = tf.reshape(strips, [-1, span]) @ self._outside(matrix.reshape(span, together * filters))
            strongest = tf.reduce_max(tf.reshape(product, [-1, count, BANDS, together, filters]), 2)
            return tf.reshape(strongest, [-1, count * together, filters])[:, :FRAMES]

        return self._pooled(maximum)

    def _pooled(self, maximum: Any) -> Any:
        """Pool over frequency, then add the bias, rectify and normalise, which for a rising function is the same.

        Where the normalisation falls, the maximum after it is the minimum before: the kernel changes its sign.
        """
        kernel, bias = self._variables("conv2d", "kernel", "bias")
        scale, shift = self._scale_and_shift()
        sign = np.where(scale < 0, np.float32(-1), np.float32(1))
        strongest = maximum(kernel[:, :, 0] * sign) * sign
        return self._tf.nn.relu(strongest + bias) * scale + shift


def _shifted(padded: NDArray[np.float32], together: int) -> NDArray[np.float32]:
    """Place kernels (n, span, filters), zero-padded at their end, at each offset: (n, span, together, filters)."""
    return np.stack([np.roll(padded, offset, axis=1) for offset in range(together)], 2)
