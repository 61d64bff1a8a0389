"""`python -m tests.support.toy_service`: the embedder's service as it is served, over the toy, without TensorFlow."""

from __future__ import annotations

import socket

from recommender.embedders import registry
from recommender.service.server import serve
from tests.support import toy_embedder

if __name__ == "__main__":
    registry.SPECS = (*registry.SPECS, toy_embedder.SPEC)
    serve(socket.create_server(("127.0.0.1", 0)), "toy", None, "INFO")
