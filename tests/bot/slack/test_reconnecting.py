"""Connecting again goes on, whatever Slack answers."""

from __future__ import annotations

import threading
from http.client import IncompleteRead
from types import SimpleNamespace
from typing import Any

import pytest

from bot.slack import reconnecting
from bot.slack.reconnecting import Reconnector

CLOSED_TWICE = AttributeError("'NoneType' object has no attribute 'close'")
"""What the SDK raises where two threads close one connection: it looks for the socket before it has the locks."""


@pytest.mark.parametrize("refusal", [IncompleteRead(b"{"), ConnectionResetError(), CLOSED_TWICE], ids=repr)
def test_a_broken_answer_to_a_connection_is_not_the_last_attempt(monkeypatch: pytest.MonkeyPatch, refusal: Exception):
    monkeypatch.setattr(reconnecting, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(reconnecting, "MAX_PAUSE_SECONDS", 0.01)
    attempts: list[None] = []
    again = threading.Event()

    def connect() -> None:
        attempts.append(None)
        if len(attempts) > 1:
            again.set()
        raise refusal

    session = SimpleNamespace(sock=None, disconnect=lambda: None)
    client: Any = SimpleNamespace(current_session=session, auto_reconnect_enabled=True, connect_to_new_endpoint=connect)
    reconnector = Reconnector(client)
    assert again.wait(5)
    reconnector.stop()
