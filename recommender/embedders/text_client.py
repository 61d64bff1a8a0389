"""The text encoder behind the embedder's service, so that a bot understands words without loading a model."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from recommender.embedders.http import Http
from recommender.embedders.text import DIMENSION, MOST_TEXTS, Vectors
from recommender.errors import BadEmbedding, EmbedderDown, EmbedderError

PATH = "/text/embed"
TIMEOUT_SECONDS = 2.0
"""A text takes milliseconds, on a machine whose cores are taken by audio some hundred; somebody waits for the answer,
which can do without."""
REST_SECONDS = 5.0
"""After a failure the service is left alone so long: questions are then answered at once by names and labels."""
TEXTS_KEPT = 512
"""Texts whose vectors are remembered: people ask for pages, filters and the same again."""


class TextClient:
    """The encoder behind a URL. Used by many threads at once."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._http = Http(url, timeout, attempts=1)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._rests_until = 0.0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors float32 (n, 384), remembered ones without asking; raises `EmbedderError`."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._known]
            rests = time.monotonic() < self._rests_until
        if new and rests:
            raise EmbedderDown("The text encoder did not answer a moment ago: try again in a few seconds.")
        fresh: dict[str, Vectors] = {}
        for first in range(0, len(new), MOST_TEXTS):
            batch = new[first : first + MOST_TEXTS]
            fresh.update(zip(batch, self._asked(batch), strict=True))
        with self._lock:
            self._known.update(fresh)
            rows = [self._known[text] for text in texts]
            for text in texts:
                self._known.move_to_end(text)
            while len(self._known) > TEXTS_KEPT:
                self._known.popitem(last=False)
        return np.stack(rows) if rows else np.empty((0, DIMENSION), np.float32)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _asked(self, texts: list[str]) -> Vectors:
        try:
            answer, _ = self._http.json("POST", PATH, json={"texts": texts})
        except EmbedderError:
            with self._lock:
                self._rests_until = time.monotonic() + REST_SECONDS
            raise
        return _matrix(answer.get("embedding"), len(texts))


def _matrix(rows: Any, count: int) -> Vectors:
    try:
        matrix = np.array(rows, np.float32)
    except (ValueError, TypeError):
        matrix = np.empty(0, np.float32)
    if matrix.shape != (count, DIMENSION) or not np.isfinite(matrix).all():
        raise BadEmbedding("The text encoder answered something that is no embedding: check EMBEDDER_URL.")
    return matrix
