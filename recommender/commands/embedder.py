"""`python -m recommender embedder`: serves an embedder over HTTP."""

from __future__ import annotations

import argparse
import errno
import socket
from pathlib import Path

from recommender.embedders import registry
from recommender.errors import SettingsError
from recommender.settings import Settings, load

DEFAULT_PORT = 5000
"""That of IBM's container."""
HIGHEST_PORT = 65_535


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser("embedder", help="serve an embedder by the MAX contract")
    usual = registry.default().name
    parser.add_argument("--model", choices=registry.names(), default=usual, help=f"default: {usual}")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of the weights; default: WEIGHTS")
    parser.add_argument("--relu", action="store_true", help="with --model vggish the same as --model vggish-relu")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at, default: 127.0.0.1; 0.0.0.0 for all")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"default: {DEFAULT_PORT}; 0 takes a free one")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.relu and arguments.model != "vggish":
        raise SettingsError("--relu is for VGGish alone: add --model vggish, or leave it out.")
    # gunicorn and Flask are for this command alone.
    from recommender.service.server import serve

    settings = load(Settings)
    weights = arguments.weights or settings.weights
    model = "vggish-relu" if arguments.relu else arguments.model
    listener = _listener(arguments.host, arguments.port)
    serve(listener, model, None if weights is None else str(weights), settings.log_level)
    return 0


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"Port {port} of {host} is not free ({error.strerror}): choose another.") from None
        raise SettingsError(f"{host} is no address of this machine ({error.strerror}): mend --host.") from None


def _port(text: str) -> int:
    value = int(text) if text.isdecimal() else -1
    if not 0 <= value <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must lie between 0 and {HIGHEST_PORT}")
    return value
