"""The client of an embedder's service: all that bot and workers know of embedders. Speaks IBM MAX's contract."""

from __future__ import annotations

import base64
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.audio.decoding import require_audible
from recommender.audio.wav import wav_bytes
from recommender.embedders import Frames, registry
from recommender.embedders.framing import Piece, pieces
from recommender.embedders.http import Http
from recommender.embedders.spec import EmbedderSpec
from recommender.errors import BadEmbedding, EmbedderError
from recommender.vectors import dequantise

TIMEOUT_SECONDS = 60.0
"""For one piece: a minute of audio takes a busy service a few seconds."""
PIECE_SECONDS = 60.0
"""Longer audio goes in pieces of about this length: IBM's container runs what it is sent in one go, and its memory
grows with it."""
SPACE_HEADER = "X-Soundalike-Space"
"""Names the space of an answer, so that a service that is replaced on the way is noticed."""
_MAX_SPACE = "vggish-relu-pca"
"""The space of IBM's container, which names none."""


class EmbedderClient:
    """An embedder behind a URL, or equal ones behind several, separated by commas. Used by many threads at once."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._http = Http(url, timeout)
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] | None = None

    @property
    def space(self) -> str:
        """Name of the service's space; asks at first use, raises `EmbedderError`."""
        return self._spec().space

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Names of the tags that the service returns; none for IBM's container. Raises `EmbedderError`."""
        names = self.metadata().get("tag_names") or []
        if not isinstance(names, list):
            raise BadEmbedding("The embedder's metadata names no list of tags: check EMBEDDER_URL.")
        return tuple(str(name) for name in names)

    def metadata(self) -> dict[str, Any]:
        """What the service says of itself; remembered. Raises `EmbedderError`."""
        with self._lock:
            if self._metadata is None:
                self._metadata, _ = self._http.json("GET", "/model/metadata")
            return self._metadata

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses."""
        return self._http.urls

    def ready(self) -> bool:
        """Return whether one of the services answers and its model is loaded."""
        return any(map(self._ready, self.urls))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def embed(self, pcm: NDArray[np.int16], tags: bool = False) -> Frames:
        """Embed samples (n,) int16, mono at its rate, of any length; raises `TooShort`, `Silent`, `EmbedderError`."""
        spec = self._spec()
        require_audible(pcm, spec.sample_rate)
        framing = spec.framing
        pcm = framing.filled(pcm)
        names = self.tag_names if tags else ()
        cut = pieces(framing, len(pcm), PIECE_SECONDS)
        answers = [self._piece(pcm[piece.start : piece.stop], piece, spec, names, len(cut) > 1) for piece in cut]
        vectors = np.concatenate([vectors for vectors, _ in answers])
        return Frames(spec.space, spec.hop, vectors, np.concatenate([tags for _, tags in answers]), names)

    def _ready(self, url: str) -> bool:
        try:
            status = self._http.status(url + "/healthz")
            return status == 200 or (status == 404 and self._http.status(url + "/model/metadata") == 200)
        except EmbedderError:
            return False

    def _spec(self) -> EmbedderSpec:
        return registry.of_space(str(self.metadata().get("space", _MAX_SPACE)))

    def _piece(
        self, pcm: NDArray[np.int16], piece: Piece, spec: EmbedderSpec, names: tuple[str, ...], partial: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        asked = {"tags": bool(names), "piece": partial, "packed": self.metadata().get("packed") is True}
        options = {name: "true" for name, wanted in asked.items() if wanted}
        files = {"audio": ("audio.wav", wav_bytes(pcm, spec.sample_rate), "audio/wav")}
        answer, response = self._http.json("POST", "/model/predict", params=options, files=files)
        self._require_same_space(response.headers.get(SPACE_HEADER, _MAX_SPACE), spec.space)
        vectors = _matrix(answer.get("embedding"), piece.rows, spec.dimension)
        if spec.quantised:
            if vectors.min() < 0 or vectors.max() > 255:
                raise BadEmbedding("The embedder's values are no bytes: check that EMBEDDER_URL is the right service.")
            vectors = dequantise(vectors)
        columns = np.empty((piece.rows, 0), np.float32)
        if names:
            columns = _matrix(answer.get("tags"), piece.rows, len(names))
        return vectors[piece.lead :], columns[piece.lead :]

    def _require_same_space(self, answered: str, expected: str) -> None:
        if answered == expected:
            return
        with self._lock:
            self._metadata = None
        raise BadEmbedding(
            f"The embedder changed from {expected} to {answered[:40]} meanwhile: ask again, and have all addresses of "
            "EMBEDDER_URL serve one model."
        )


def _matrix(rows: Any, count: int, width: int) -> NDArray[np.float32]:
    """Check rows that came as JSON, or packed: float32 (count, width), finite; raises `BadEmbedding`."""
    if isinstance(rows, str):
        rows = _unpacked(rows, width)
    elif not isinstance(rows, list) or not rows:
        raise BadEmbedding("The embedder answered no vectors: check that EMBEDDER_URL is the right service.")
    try:
        values = np.asarray(rows)
    except ValueError as error:
        raise BadEmbedding("The embedder's rows differ in length: check EMBEDDER_URL.") from error
    if values.dtype.kind not in "iuf" or values.ndim != 2 or values.shape[1] != width:
        raise BadEmbedding(f"The embedder's rows are not {width} numbers each: check EMBEDDER_URL.")
    if len(values) != count:
        raise BadEmbedding(f"The embedder answered {len(values)} rows for audio of {count}: check EMBEDDER_URL.")
    with np.errstate(over="ignore"):
        matrix = values.astype(np.float32)
    if not np.isfinite(matrix).all():
        raise BadEmbedding("The embedder answered values that are no numbers: ask the operator to look at its log.")
    return matrix


def _unpacked(text: str, width: int) -> NDArray[np.float32]:
    """Read float32, little-endian and in base64, as rows of a width; raises `BadEmbedding`."""
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), "<f4").reshape(-1, width)
    except ValueError as error:
        raise BadEmbedding(f"The embedder's rows are not {width} numbers each: check EMBEDDER_URL.") from error
