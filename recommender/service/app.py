"""The embedder's service: IBM MAX Audio Embedding Generator's REST contract over any embedder of ours.

Beyond the contract: `POST /text/embed`, `?tags=true`, `?piece=true`, further fields in the metadata, `/healthz` and
`/metrics`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, Response, request
from flask_restx import Api, Namespace, Resource, fields
from numpy.typing import NDArray
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from recommender.audio import SAMPLE_RATE
from recommender.audio.resampling import MAX_RATE, resample
from recommender.audio.wav import read_wav
from recommender.embedders import Frames, registry
from recommender.embedders.batching import BatchedNetwork
from recommender.embedders.client import SPACE_HEADER
from recommender.embedders.local import LocalEmbedder
from recommender.errors import AudioError, CannotDecode, SoundalikeError
from recommender.service.metadata import metadata_of
from recommender.service.metrics import ServiceMetrics
from recommender.service.text import Encoder, text_namespace
from recommender.vectors import quantise

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Largest request: 33 minutes of 16 kHz mono, 6 minutes of CD quality. The client sends a minute at a time."""
MAX_SECONDS = 70 * 60
"""What the largest request holds at 8 kHz, the lowest rate that people record at: lower ones grow in resampling."""
MAX_WAITING = 16
"""Requests that are worked on or wait for the network; those beyond are told to come back."""
THREADS = MAX_WAITING + 8
"""Threads of the server: some are left to say 503 and to answer /healthz when all places are taken."""
RETRY_AFTER_SECONDS = 1
_LOAD_FAILED = 4
"""gunicorn's exit status for an application that does not load: it ends the server instead of starting another."""
_WAV_MIMETYPE = re.compile(r"audio/.*wav")

_log = logging.getLogger(__name__)


class _Flask(Flask):
    """Keeps answers that were meant, such as 503, out of the log; flask-restx logs a traceback for each."""

    def log_exception(self, exc_info: Any) -> None:
        if not isinstance(exc_info[1], HTTPException):
            super().log_exception(exc_info)


class Service:
    """What the routes share: the embedder once it is loaded, the places of requests, and the counters."""

    def __init__(self) -> None:
        self.metrics = ServiceMetrics()
        self.embedder: LocalEmbedder | None = None
        self.encoder = Encoder()
        self._places = threading.BoundedSemaphore(MAX_WAITING)

    def use(self, embedder: LocalEmbedder) -> None:
        """Serve an embedder, after it has run once: the first run of a graph takes a second."""
        batched = LocalEmbedder(BatchedNetwork(embedder.network, self.metrics.batch))
        silence = np.zeros(embedder.network.spec.framing.window, np.int16)
        batched.embed_piece(silence)
        self.embedder = batched

    def ready(self) -> LocalEmbedder:
        """Return the embedder, or answer 503 while it loads."""
        if self.embedder is None:
            raise _busy("The model is being loaded")
        return self.embedder

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places; answers 503 where all are taken."""
        if not self._places.acquire(blocking=False):
            raise _busy("Too many requests are waiting")
        try:
            with self.metrics.waiting.track_inprogress():
                yield
        finally:
            self._places.release()


def create_app(embedder: LocalEmbedder) -> Flask:
    """Build the service over an embedder that is loaded."""
    service = Service()
    service.use(embedder)
    return _app(service)


def app(model: str, weights: str | None = None, on_ready: Callable[[str], None] | None = None) -> Flask:
    """Build the service and load its embedder in the background; until then it answers 503.

    For gunicorn: `gunicorn 'recommender.service.app:app("musicnn")'`, with one process and threads. Calls
    `on_ready` with the space. A model that cannot be loaded ends the process.
    """
    service = Service()
    threading.Thread(target=_load, args=(service, model, weights, on_ready), name="loader", daemon=True).start()
    return _app(service)


def _load(service: Service, model: str, weights: str | None, on_ready: Callable[[str], None] | None) -> None:
    from recommender.embedders.local import in_process

    try:
        service.use(in_process(model, Path(weights) if weights else None))
    except BaseException as error:  # noqa: BLE001 - the process ends, whatever it was
        if not isinstance(error, SoundalikeError):
            _log.exception("the embedder does not load")
        sys.stderr.write(f"{getattr(error, 'code', 'internal')}: {error}\n")
        sys.stderr.flush()
        os._exit(_LOAD_FAILED)
    if on_ready is not None:
        on_ready(service.ready().space)
    service.encoder.load()


def _app(service: Service) -> Flask:
    flask = _Flask(__name__)
    flask.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        RESTX_MASK_SWAGGER=False,
        RESTX_ERROR_404_HELP=False,
    )
    api = Api(
        flask,
        title="MAX Audio Embedding Generator",
        description="Generate embedding vectors from audio files.",
        version="1.1.0",
    )
    api.namespaces.clear()
    api.add_namespace(_model_namespace(service))
    api.add_namespace(text_namespace(service.encoder))
    api.errorhandler(HTTPException)(_http_error)
    flask.register_error_handler(HTTPException, _http_error)  # paths outside the API
    api.errorhandler(AudioError)(lambda error: ({"status": "error", "message": str(error)}, 400))
    api.errorhandler(Exception)(_failure)  # the last: the first that fits is taken
    flask.add_url_rule("/healthz", "healthz", lambda: _health(service))
    flask.add_url_rule("/metrics", "metrics", lambda: Response(service.metrics.text(), mimetype="text/plain"))
    flask.after_request(service.metrics.answered)
    return flask


def _model_namespace(service: Service) -> Namespace:
    namespace = Namespace("model", description="Model information and inference operations")
    text = {name: fields.String(required=name != "license", description=f"Model {name}") for name in _METADATA}
    metadata_model = namespace.model("ModelMetadata", text)
    vector = fields.List(fields.Float, required=True, description="Generated embedding")
    predict_model = namespace.model(
        "ModelPredictResponse",
        {
            "status": fields.String(required=True, description="Response status message"),
            "embedding": fields.List(vector),
        },
    )
    parser = namespace.parser()
    parser.add_argument(
        "audio", type=FileStorage, location="files", required=True, help="signed 16-bit PCM WAV audio file"
    )

    @namespace.route("/metadata")
    class Metadata(Resource):  # type: ignore[misc]  # flask-restx has no types
        @namespace.doc("get_metadata")
        @namespace.response(200, "Success", metadata_model)
        def get(self) -> dict[str, Any]:
            """Return the metadata associated with the model"""
            return metadata_of(service.ready())

    @namespace.route("/predict")
    class Predict(Resource):  # type: ignore[misc]
        @namespace.doc("predict")
        @namespace.expect(parser)
        @namespace.response(200, "Success", predict_model)
        def post(self) -> Response:
            """Generate audio embedding from input data"""
            with service.place():
                return _predict(service)

    return namespace


_METADATA = ("id", "name", "description", "type", "source", "license")


def _predict(service: Service) -> Response:
    embedder = service.ready()
    upload = request.files.get("audio")
    if upload is None:
        raise BadRequest("Missing required parameter in uploaded files: audio")
    if not _WAV_MIMETYPE.match(upload.mimetype):
        raise BadRequest("Invalid file type/extension")
    with service.metrics.step("read"):
        pcm = _pcm(upload.read())
    tags = _flag("tags")
    with service.metrics.step("embed"):
        frames = (embedder.embed_piece if _flag("piece") else embedder.embed)(pcm, tags)
    service.metrics.seconds.inc(len(pcm) / SAMPLE_RATE)
    body: dict[str, Any] = {"status": "ok", "embedding": _numbers(frames)}
    if tags:
        body["tags"] = _rounded(frames.tags)
    return Response(json.dumps(body), mimetype="application/json", headers={SPACE_HEADER: frames.space})


def _pcm(data: bytes) -> NDArray[np.int16]:
    """Read a WAV of any rate and number of channels as 16 kHz mono, as IBM's container does."""
    samples, rate = read_wav(data)
    if rate > MAX_RATE:
        raise CannotDecode(f"This WAV file claims {rate} Hz: export it again.")
    if len(samples) > MAX_SECONDS * rate:
        raise CannotDecode(f"This WAV file claims {len(samples) / rate / 60:.0f} minutes: export it again.")
    if not len(samples):
        raise CannotDecode("This WAV file holds no samples: export it again.")
    if rate == SAMPLE_RATE and samples.shape[1] == 1:
        return samples[:, 0]
    mono = resample(samples.mean(axis=1, dtype=np.float32), rate)
    return np.rint(mono).clip(-32_768, 32_767).astype(np.int16)


def _numbers(frames: Frames) -> Any:
    """VGGish's values travel as bytes, as MAX sends them; others as they are."""
    if registry.of_space(frames.space).quantised:
        return quantise(frames.vectors).tolist()
    return _rounded(frames.vectors)


def _rounded(values: NDArray[np.float32]) -> list[list[float]]:
    """Write float32 with the nine digits that give it back exactly; all 17 of a double would double the answer."""
    return [[float(f"{value:.9g}") for value in row] for row in values.tolist()]


def _flag(name: str) -> bool:
    return request.args.get(name, "").lower() in {"true", "1"}


def _busy(message: str) -> ServiceUnavailable:
    return ServiceUnavailable(f"{message}: try again in a moment", retry_after=RETRY_AFTER_SECONDS)


def _http_error(error: HTTPException) -> tuple[dict[str, str], int, dict[str, str]]:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(error, ServiceUnavailable) else {}
    return {"status": "error", "message": error.description or error.name}, error.code or 500, headers


def _failure(error: Exception) -> tuple[dict[str, str], int]:
    _log.error("a request failed", exc_info=error)
    return {"status": "error", "message": "The embedder failed: its log says why"}, 500


def _health(service: Service) -> tuple[dict[str, str], int]:
    if service.embedder is None:
        return {"status": "loading"}, 503
    return {"status": "ready", "space": service.embedder.space}, 200
