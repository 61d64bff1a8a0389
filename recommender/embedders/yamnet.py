"""YAMNet (Plakal & Ellis 2020) from Google's TensorFlow Lite file: the pooling layer before the classifier."""

from __future__ import annotations

import csv
import hashlib
import logging
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from recommender.embedders.framing import FRAMINGS
from recommender.embedders.network import tensorflow
from recommender.embedders.quiet import without_chatter
from recommender.errors import NoWeights

MODEL = "yamnet.tflite"
CLASS_MAP = "yamnet_class_map.csv"
SHA256 = "469be6a3421cbc52cf97e9f2f966cba984198e8e7af9854d68b3e3ebb1e04194"
"""Of the model that the measurements of this project were made with."""
CLASSES = 521
DIMENSION = 1024
_WINDOW = 15_600
"""Samples of the model's input: 0.975 s."""
_POOLING = "global_average_pooling2d/Mean"
"""The end of the name of the tensor that is the embedding."""

_log = logging.getLogger(__name__)


class YAMNet:
    """The network; its file takes one row at a time, and an interpreter serves one thread at a time."""

    space = "yamnet"
    framing = FRAMINGS["yamnet"]
    batch = 16

    def __init__(self, folder: Path) -> None:
        """Read the model of a folder, and the classes' names where they lie beside it; raises `NoWeights`."""
        path = folder / MODEL
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NoWeights(f"{path} is missing: put Google's {MODEL} there, or name its folder by WEIGHTS.") from error
        self._interpreter = _interpreter(content, path)
        self._input = int(self._interpreter.get_input_details()[0]["index"])
        self._scores = int(self._interpreter.get_output_details()[0]["index"])
        self._embedding = self._pooling_layer(path)
        self._lock = threading.Lock()
        self.tag_names = _class_names(folder / CLASS_MAP)
        self.verified = hashlib.sha256(content).hexdigest() == SHA256

    def patches(self, pcm: NDArray[np.int16], first: int, last: int) -> NDArray[np.float32]:
        """Cut the waveform to float32 (rows, 15600) in [-1, 1]; the log mel is part of the model."""
        hop = self.framing.hop
        windows = sliding_window_view(pcm[first * hop : (last - 1) * hop + _WINDOW], _WINDOW)[::hop]
        patches: NDArray[np.float32] = windows.astype(np.float32) / np.float32(32_768)
        return patches

    def run(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give the pooling layer float32 (rows, 1024), and the class scores where the classes' names are known."""
        vectors = np.empty((len(patches), DIMENSION), np.float32)
        scores = np.empty((len(patches), CLASSES), np.float32)
        with self._lock:
            for row, patch in enumerate(patches):
                self._interpreter.set_tensor(self._input, patch[None])
                self._interpreter.invoke()
                vectors[row] = self._interpreter.get_tensor(self._embedding)[0]
                scores[row] = self._interpreter.get_tensor(self._scores)[0]
        return vectors, scores[:, : len(self.tag_names)]

    def _pooling_layer(self, path: Path) -> int:
        for tensor in self._interpreter.get_tensor_details():
            if tensor["name"].endswith(_POOLING) and tensor["shape"][-1] == DIMENSION:
                return int(tensor["index"])
        raise NoWeights(f"{path} is not YAMNet: it has no tensor {_POOLING} of {DIMENSION} values.")


def _interpreter(content: bytes, path: Path) -> Any:
    tf = tensorflow()
    try:
        with warnings.catch_warnings(), without_chatter():
            # It announces that it will move to another package; the pinned TensorFlow has it.
            warnings.simplefilter("ignore", UserWarning)
            interpreter = tf.lite.Interpreter(
                model_content=content, experimental_preserve_all_tensors=True, num_threads=2
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise NoWeights(f"{path} is no TensorFlow Lite model: get Google's {MODEL} again.") from error
    if tuple(interpreter.get_input_details()[0]["shape"][-1:]) != (_WINDOW,):
        raise NoWeights(f"{path} is not YAMNet: its input is not {_WINDOW} samples.")
    return interpreter


def _class_names(path: Path) -> tuple[str, ...]:
    """Read the classes' names in the order of the scores: columns index, mid, display_name. Without them no tags."""
    if not path.is_file():
        _log.warning("%s is missing: YAMNet's classes stay without names, and uploads without its tags", path)
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        names = tuple(row["display_name"] for row in csv.DictReader(file) if row.get("display_name"))
    if len(names) != CLASSES:
        raise NoWeights(f"{path} names {len(names)} classes instead of {CLASSES}: get YAMNet's class map again.")
    return names
