"""Socket Mode, frame by frame."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin.connection import Connection, ConnectionState

from sandbox import names
from sandbox.client.driver import Driver


class Listener:
    """A socket of the app that acknowledges nothing by itself."""

    def __init__(self, driver: Driver) -> None:
        url = WebClient(base_url=f"{driver.url}/api/").apps_connections_open(app_token=names.APP_TOKEN)["url"]
        self.received: list[dict[str, Any]] = []
        self.connection = Connection(
            url=url, logger=logging.getLogger("listener"), on_message_listener=self._received, ping_interval=100
        )
        self.connection.connect()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self.connection.run_until_completion(ConnectionState())

    def _received(self, text: str) -> None:
        self.received.append(json.loads(text))

    def close(self) -> None:
        """Close at once, though the other thread is reading."""
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.disconnect()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.received if frame["type"] == kind]

    def ack(self, frame: dict[str, Any], payload: object = None) -> None:
        self.connection.send(json.dumps({"envelope_id": frame["envelope_id"], "payload": payload}))


@pytest.fixture
def listen(lonely: Driver) -> Iterator[Callable[[], Listener]]:
    with ExitStack() as stack:

        def one() -> Listener:
            before = lonely.connections()
            listener = Listener(lonely)
            stack.callback(listener.close)
            lonely.wait_for_bot(before + 1)
            return listener

        yield one
    lonely.wait_for(lambda: lonely.connections() == 0, what="closed sockets")


def test_hello_comes_first(lonely: Driver, listen):
    listener = listen()
    lonely.wait_for(lambda: listener.received, what="hello")
    assert listener.received[0]["type"] == "hello"
    assert listener.received[0]["num_connections"] == 1


def test_events_are_repeated_until_they_are_acknowledged(lonely: Driver, listen):
    listener = listen()
    lonely.faults(ack_timeout=0.1, retry_delays=[0.0, 0.05])
    lonely.mention(text="hello")
    lonely.wait_for(lambda: len(listener.of("events_api")) == 3, what="three attempts")
    frames = listener.of("events_api")
    assert [frame["retry_attempt"] for frame in frames] == [0, 1, 2]
    assert [frame["retry_reason"] for frame in frames] == ["", "timeout", "timeout"]
    assert len({frame["payload"]["event_id"] for frame in frames}) == 1
    lonely.wait_traffic(lambda e: e["error"] == "event_given_up")


def test_late_double_and_unknown_acks_are_refused(lonely: Driver, listen):
    listener = listen()
    lonely.faults(ack_timeout=0.1, retry_delays=[])
    assert lonely.command("x")["error"] == "operation_timeout"
    frame = listener.of("slash_commands")[0]
    listener.ack(frame)
    lonely.wait_traffic(lambda e: e["error"] == "late_ack")
    listener.ack(frame)
    lonely.wait_traffic(lambda e: e["error"] == "double_ack")
    listener.ack({"envelope_id": "made up"})
    lonely.wait_traffic(lambda e: e["error"] == "unknown_envelope")


def test_payloads_go_to_any_one_socket(lonely: Driver, listen):
    one, two = listen(), listen()
    lonely.faults(ack_timeout=0.05, retry_delays=[])
    for _ in range(4):
        lonely.command("x")
    assert len(one.of("slash_commands")) == len(two.of("slash_commands")) == 2


def test_doubled_events_reach_two_sockets_under_one_id(lonely: Driver, listen):
    one, two = listen(), listen()
    lonely.faults(doubled_events=True, ack_timeout=0.1, retry_delays=[])
    lonely.mention(text="hello")
    lonely.wait_for(lambda: one.of("events_api") and two.of("events_api"), what="both")
    assert one.of("events_api")[0]["payload"]["event_id"] == two.of("events_api")[0]["payload"]["event_id"]


def test_nobody_there(lonely: Driver):
    answer = lonely.command("x")
    assert answer["error"] == "dispatch_failed"
    assert lonely.ephemerals()[-1]["text"] == '/similar failed with the error "dispatch_failed"'


def test_sockets_are_refreshed_and_dropped(driver: Driver):
    driver.faults(refresh_every=0.2)
    driver.wait_traffic(lambda e: e["name"].startswith("refresh_requested"))
    driver.faults(refresh_every=0)
    driver.wait_traffic(lambda e: e["name"].startswith("hello"))
    driver.faults(drop_sockets_every=0.2)
    driver.wait_traffic(lambda e: e["name"].startswith("closed"))
    driver.faults(drop_sockets_every=0)
    driver.wait_for_bot()
    driver.wait_for(lambda: driver.command("again")["acked"], what="a bot that answers again")


def test_acknowledgements_from_20480_bytes_on_vanish(lonely: Driver, listen):
    listener = listen()
    lonely.faults(ack_timeout=0.3)

    def acknowledged(text: str) -> dict[str, Any]:
        before = len(listener.of("slash_commands"))
        typing = threading.Thread(target=lambda: outcomes.append(lonely.command("x")))
        typing.start()
        watcher = Driver(lonely.url)
        watcher.wait_for(lambda: len(listener.of("slash_commands")) > before, every=0.05)
        listener.ack(listener.of("slash_commands")[-1], {"text": text})
        typing.join()
        return outcomes[-1]

    outcomes: list[dict[str, Any]] = []
    assert acknowledged("x" * 20_000)["acked"]
    assert acknowledged("x" * 20_480)["error"] == "operation_timeout"
    assert acknowledged("é" * 3_300)["acked"]
    assert acknowledged("é" * 3_420)["error"] == "operation_timeout"
