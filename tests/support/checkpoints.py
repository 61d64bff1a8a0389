"""Weights of VGGish's shapes, at random, in the format of Google's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.networks.network import tensorflow
from recommender.embedders.vggish import _LAYERS, CHECKPOINT, PCA


def write_vggish(folder: Path) -> Path:
    """Write a checkpoint of random weights, in the version 1 format of Google's file, and a random PCA."""
    random = np.random.default_rng(0)
    tensors = {}
    for name, shape in _LAYERS:
        spread = np.float32(np.sqrt(2 / np.prod(shape[:-1])))
        tensors[f"vggish/{name}/weights"] = random.standard_normal(shape, np.float32) * spread
        tensors[f"vggish/{name}/biases"] = random.standard_normal(shape[-1], np.float32) * np.float32(0.01)
    write_checkpoint(folder / CHECKPOINT, tensors)
    np.savez(
        folder / PCA,
        pca_eigen_vectors=np.linalg.qr(random.standard_normal((128, 128)))[0] * 3,
        pca_means=random.standard_normal(128) * 0.1,
    )
    return folder


def write_checkpoint(path: Path, tensors: dict[str, NDArray[np.float32]]) -> None:
    """Write variables as TensorFlow 1 did."""
    tf = tensorflow()
    tf.raw_ops.Save(filename=str(path), tensor_names=list(tensors), data=list(tensors.values()))
