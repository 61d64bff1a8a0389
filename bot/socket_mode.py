"""The bot process in Socket Mode: `python -m bot`."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress

from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.app import build_app
from bot.intake.acceptance import Acceptance
from bot.listeners.context import Context
from bot.operations.health import Gauges, Health
from bot.operations.health_server import serve
from bot.services import build
from bot.settings import BotSettings
from bot.slack.errors import UNREACHED, code_of
from bot.slack.reconnecting import Reconnector
from recommender.errors import SettingsError
from recommender.service.probes import Part, State

CONCURRENCY = 32
"""Events handled at a time; each may wait `ACK_SECONDS` for its answer and a second for Redis."""
RECEIVE_BYTES = 16 * 1024
"""The SDK's default of one kilobyte takes several reads for each event."""

_log = logging.getLogger(__name__)


def run(settings: BotSettings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if settings.slack_app_token is None:
        raise SettingsError("SLACK_APP_TOKEN is not set: put the app token, xapp-…, into the environment or .env.")
    services = build(settings)
    context = Context(services, Acceptance(services))
    try:
        app = build_app(context)
        handler = SocketModeHandler(
            app,
            settings.slack_app_token.get_secret_value(),
            concurrency=CONCURRENCY,
            receive_buffer_size=RECEIVE_BYTES,
        )
        services.recommender.warm()
        handler.connect()  # type: ignore[no-untyped-call]
        reconnector = Reconnector(handler.client)
    except SlackApiError as error:
        raise SettingsError(f"Slack refuses the tokens ({code_of(error)}): `python -m bot check` says why.") from error
    except (SlackClientError, *UNREACHED) as error:
        raise SettingsError(
            f"Slack does not answer ({type(error).__name__}): check the network and SLACK_API_URL."
        ) from error

    def socket() -> State:
        return State(True) if handler.client.is_connected() else State(False, "no connection to Slack at the moment")

    if settings.health_port:
        health = Health(services, Part("socket", socket, needed=True))
        services.observer.registry.register(Gauges(services, health))
        serve(settings.health_host, settings.health_port, health)
    _log.info("bot ready")
    stopped.wait()
    reconnector.stop()
    with suppress(AttributeError, OSError):  # the SDK's own threads may be closing the same socket
        handler.close()  # type: ignore[no-untyped-call]
    context.close()
    logging.shutdown()
    os._exit(0)  # the SDK's threads wait for sockets that are no more
