"""Notices a socket that broke without a word: the SDK waits for five failed pings, which takes it 25 seconds."""

from __future__ import annotations

import logging
import select
import threading

from slack_sdk.socket_mode.builtin import SocketModeClient

LOOK_SECONDS = 0.5
MAX_PAUSE_SECONDS = 10.0
"""Longest wait between two attempts to connect, while Slack refuses."""
_BROKEN = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR

_log = logging.getLogger(__name__)


class Reconnector:
    """Looks after the connection of one client, from its construction on."""

    def __init__(self, client: SocketModeClient) -> None:
        self._client = client
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="reconnect", daemon=True).start()

    def stop(self) -> None:
        """Let the connection be closed."""
        self._stopped.set()

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while not self._stopped.wait(pause):
            pause = LOOK_SECONDS
            if not self._broken():
                continue
            _log.warning("the socket to Slack broke: connecting again")
            try:
                if self._client.current_session is not None:
                    self._client.current_session.disconnect()
                self._client.connect_to_new_endpoint()
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread goes on: nobody else looks as soon
                _log.warning("Slack opens no new socket (%s): trying again", type(error).__name__)
                pause = min(2 * max(pause, 1.0), MAX_PAUSE_SECONDS)

    def _broken(self) -> bool:
        """Whether the other side has gone; the kernel knows before any read or write does."""
        session = self._client.current_session
        sock = session.sock if session is not None else None
        if sock is None:
            return session is not None and self._client.auto_reconnect_enabled
        poller = select.poll()
        try:
            poller.register(sock.fileno(), _BROKEN)
            return bool(poller.poll(0))
        except (OSError, ValueError):
            return False  # being replaced at this moment
