"""What the networks have in common: the protocol that the local embedder drives, and TensorFlow's set-up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from recommender.embedders.networks.quiet import without_chatter
from recommender.embedders.spec import EmbedderSpec
from recommender.errors import NoWeights


class Network(Protocol):
    """A network and its front end; `patches` may run in many threads at once, and so may `run`."""

    @property
    def spec(self) -> EmbedderSpec:
        """What the embedder is: space, dimension, framing."""
        ...

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Names of the columns of the tags; none where the network has none."""
        ...

    @property
    def batch(self) -> int:
        """Rows that go through the network at once: more would only take memory."""
        ...

    @property
    def verified(self) -> bool:
        """Whether the weights are those that the authors published."""
        ...

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Compute the input of rows first <= p < last out of all samples (n,)."""
        ...

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return vectors float32 (rows, d), dequantised, and tags float32 (rows, t)."""
        ...


def tensorflow() -> Any:
    """Import TensorFlow, which takes seconds and 300 MB, without its start-up messages.

    From then on numpy's BLAS has one thread: after each product its threads go on looking for work for a while, and
    take the cores from the network (a 10 s clip then takes 78 ms on two cores instead of 47). Raises `NoWeights` where
    TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # It looks for its former Keras then, in place of importing Keras 3 and pandas: 55 MB that nothing here uses.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    try:
        with without_chatter():
            import tensorflow as tf
    except ModuleNotFoundError as error:
        raise NoWeights(
            "TensorFlow is not installed here: set EMBEDDER_URL to a running embedder, or `make install ROLE=embedder`."
        ) from error

    threadpoolctl.threadpool_limits(1, "blas")
    return tf


def read_checkpoint(prefix: str) -> Any:
    """Open a TensorFlow checkpoint of either version; `get_tensor(name)` reads its variables. Raises `NoWeights`."""
    tf = tensorflow()
    try:
        return tf.compat.v1.train.NewCheckpointReader(prefix)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise NoWeights(
            f"{Path(prefix).name or prefix} is no TensorFlow checkpoint: fetch the weights again."
        ) from error
