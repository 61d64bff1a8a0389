"""Version 0.1's YAMNet, for comparison: Google's quantised TensorFlow Lite file, a row at a time, every 0.96 s."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from recommender.embedders import yamnet
from recommender.embedders.networks.network import tensorflow

_FRAMING = replace(yamnet.SPEC.framing, hop=15_360)
_POOLING = "global_average_pooling2d/Mean"


class QuantisedYAMNet:
    """The network as 0.1 ran it."""

    spec = replace(yamnet.SPEC, name="yamnet-0.1", space="yamnet", framing=_FRAMING)
    batch = 16
    verified = True
    tag_names: tuple[str, ...] = tuple(map(str, range(521)))

    def __init__(self, folder: Path) -> None:
        tf = tensorflow()
        self._lite: Any = tf.lite.Interpreter(
            str(folder / "yamnet.tflite"), experimental_preserve_all_tensors=True, num_threads=2
        )
        self._lite.allocate_tensors()
        self._input = self._lite.get_input_details()[0]["index"]
        self._scores = self._lite.get_output_details()[0]["index"]
        tensors = self._lite.get_tensor_details()
        self._embedding = next(tensor["index"] for tensor in tensors if tensor["name"].endswith(_POOLING))
        self._lock = threading.Lock()

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Return waveforms float32 (rows, 15600)."""
        hop, window = _FRAMING.hop, _FRAMING.window
        windows = sliding_window_view(pcm[first * hop : (last - 1) * hop + window], window)[::hop]
        return np.asarray(windows / np.float32(32_768), np.float32)

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the pooling layer (rows, 1024) and the scores (rows, 521)."""
        vectors, scores = [], []
        with self._lock:
            for patch in patches:
                self._lite.set_tensor(self._input, patch[None])
                self._lite.invoke()
                vectors.append(self._lite.get_tensor(self._embedding)[0])
                scores.append(self._lite.get_tensor(self._scores)[0])
        return np.stack(vectors), np.stack(scores)
