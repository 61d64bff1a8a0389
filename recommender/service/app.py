"""The embedder's service: IBM MAX Audio Embedding Generator's REST contract over any embedder of ours.

Beyond the contract: `POST /text/embed`, `?tags=true`, `?piece=true`, `?packed=true`, further fields in the metadata,
`/livez`, `/readyz`, `/healthz` and `/metrics`.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, Response, request
from flask_restx import Api, Namespace, Resource, fields
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from recommender.embedders.client import SPACE_HEADER
from recommender.embedders.local import LocalEmbedder
from recommender.embedders.networks.batching import BatchedNetwork
from recommender.errors import AudioError, SoundalikeError
from recommender.service import predicting
from recommender.service.admission import RETRY_AFTER_SECONDS, Admission, busy, unless_gone
from recommender.service.metadata import metadata_of
from recommender.service.metrics import ServiceMetrics
from recommender.service.probes import PROBES, Part, Probes, State
from recommender.service.text import Encoder, text_namespace

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Largest request: 33 minutes of 16 kHz mono, 6 minutes of CD quality. The client sends a minute at a time."""
MEMORY_BYTES = 512 * 1024 * 1024
"""What requests in work may take together, by estimate, beside the bodies that the server holds."""
MAX_WAITING = 16
"""Requests that are worked on or wait for the network; those beyond are told to come back."""
THREADS = MAX_WAITING + 8
"""Threads of the server: some are left to say 503 when all places are taken. Probes have threads of their own."""
STUCK_SECONDS = 60.0
"""A batch takes a second on a slow machine."""
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
    """What the routes share: the embedder once it is loaded, what is taken on, and the counters."""

    def __init__(self) -> None:
        self.metrics = ServiceMetrics()
        self.network: BatchedNetwork | None = None
        self.encoder = Encoder()
        self.admission = Admission(MAX_WAITING, MEMORY_BYTES)
        self.probes = Probes([Part("model", self._model, needed=True), Part("network", self._running, needed=True)])
        self.metrics.tell_of(self.probes.all_states)

    def use(self, embedder: LocalEmbedder) -> None:
        """Serve an embedder, after it has run once: the first run of a graph takes a second."""
        batched = BatchedNetwork(embedder.network, self.metrics.batch)
        LocalEmbedder(batched).embed_piece(np.zeros(batched.spec.framing.window, np.int16))
        metadata_of(batched)  # what cannot be told of is not ready
        self.network = batched

    def ready(self) -> BatchedNetwork:
        """Return the network, or answer 503 while it loads."""
        if self.network is None:
            raise busy("The model is being loaded")
        return self.network

    def _model(self) -> State:
        return State(False, "is being loaded") if self.network is None else State(True, self.network.spec.space)

    def _running(self) -> State:
        seconds = self.network.running_for() if self.network is not None else 0.0
        return State(seconds < STUCK_SECONDS, f"has been at one batch for {seconds:.0f} s" if seconds > 1 else "")


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
        on_ready(service.ready().spec.space)
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
    for path in PROBES:
        flask.add_url_rule(path, path, partial(_probe, service))
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
            with service.admission.place(), service.metrics.waiting.track_inprogress():
                return _predict(service)

    return namespace


_METADATA = ("id", "name", "description", "type", "source", "license")


def _predict(service: Service) -> Response:
    batched = service.ready()
    unless_client_gone = unless_gone(request.environ)
    unless_client_gone()
    upload = request.files.get("audio")
    if upload is None:
        raise BadRequest("Missing required parameter in uploaded files: audio")
    if not _WAV_MIMETYPE.match(upload.mimetype):
        raise BadRequest("Invalid file type/extension")
    tags, spec = _flag("tags"), batched.spec
    data = upload.read()
    samples, rate = predicting.read(data)
    memory = predicting.memory_for(len(data), rate, len(samples), spec, len(batched.tag_names) if tags else 0)
    with service.admission.memory(memory):
        with service.metrics.step("read"):
            pcm = predicting.mono(samples, rate, spec.sample_rate)
        embedder = LocalEmbedder(batched.watched(unless_client_gone))
        with service.metrics.step("embed"):
            frames = (embedder.embed_piece if _flag("piece") else embedder.embed)(pcm, tags)
        service.metrics.seconds.inc(len(pcm) / spec.sample_rate)
        body = predicting.answer(frames, tags, _flag("packed"))
    return Response(body, mimetype="application/json", headers={SPACE_HEADER: frames.space})


def _flag(name: str) -> bool:
    return request.args.get(name, "").lower() in {"true", "1"}


def _probe(service: Service) -> tuple[dict[str, Any], int]:
    status, body = service.probes.answer(request.path)
    return body, status


def _http_error(error: HTTPException) -> tuple[dict[str, str], int, dict[str, str]]:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(error, ServiceUnavailable) else {}
    return {"status": "error", "message": error.description or error.name}, error.code or 500, headers


def _failure(error: Exception) -> tuple[dict[str, str], int]:
    _log.error("a request failed", exc_info=error)
    return {"status": "error", "message": "The embedder failed: its log says why"}, 500
