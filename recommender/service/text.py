"""`POST /text/embed` of the embedder's service: texts become vectors, beside IBM MAX's routes for audio."""

from __future__ import annotations

import logging
import threading
from typing import Any

from flask import request
from flask_restx import Namespace, Resource, fields
from werkzeug.exceptions import BadRequest
from werkzeug.exceptions import NotImplemented as NotHere

from recommender.embedders.text import MOST_TEXTS, MiniLM, TextEncoder
from recommender.errors import NoWeights

MAX_CHARACTERS = 4000
"""Of one text; the model reads some 500 of them."""

_log = logging.getLogger(__name__)


class Encoder:
    """The text encoder, loaded once."""

    def __init__(self, encoder: TextEncoder | None = None) -> None:
        self._encoder = encoder
        self._missing = False
        self._lock = threading.Lock()

    def ready(self) -> TextEncoder:
        """Return the encoder; answers 501 where its files are not installed."""
        self.load()
        if self._encoder is None:
            raise NotHere("The text encoder is not installed here")
        return self._encoder

    def load(self) -> None:
        """Load it where that was not tried yet; one that is not installed is a line of the log."""
        with self._lock:
            if self._encoder is None and not self._missing:
                try:
                    self._encoder = MiniLM()
                except NoWeights as error:
                    self._missing = True
                    _log.warning("%s", error)


def text_namespace(encoder: Encoder) -> Namespace:
    """Return the routes under /text."""
    namespace = Namespace("text", description="Embeddings of texts, by which people ask for sounds in words")
    asked = namespace.model(
        "TextEmbedRequest",
        {"texts": fields.List(fields.String, required=True, description=f"1 to {MOST_TEXTS} texts in English")},
    )
    vector = fields.List(fields.Float, description="384 values, of unit length")
    answered = namespace.model(
        "TextEmbedResponse",
        {
            "status": fields.String(required=True, description="Response status message"),
            "embedding": fields.List(vector, required=True, description="One vector for each text, in their order"),
        },
    )

    @namespace.route("/embed")
    class Embed(Resource):  # type: ignore[misc]  # flask-restx has no types
        @namespace.doc("embed_text")
        @namespace.expect(asked)
        @namespace.response(200, "Success", answered)
        @namespace.response(400, "The body is not of this form")
        @namespace.response(501, "The text encoder is not installed")
        def post(self) -> dict[str, Any]:
            """Generate embeddings of texts (all-MiniLM-L6-v2)"""
            vectors = encoder.ready().encode(_texts(request.get_json(silent=True)))
            rounded = [[float(f"{value:.9g}") for value in row] for row in vectors.tolist()]
            return {"status": "ok", "embedding": rounded}

    return namespace


def _texts(body: Any) -> list[str]:
    texts = body.get("texts") if isinstance(body, dict) else None
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_TEXTS:
        raise BadRequest(f'The body is JSON with 1 to {MOST_TEXTS} texts: {{"texts": ["rain on a tin roof"]}}')
    if not all(isinstance(text, str) and text.strip() and len(text) <= MAX_CHARACTERS for text in texts):
        raise BadRequest(f"Each text has 1 to {MAX_CHARACTERS} characters")
    return texts
