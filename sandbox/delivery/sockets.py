"""Socket Mode: sockets that the bot opens, and payloads that go to any one of them."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox import names
from sandbox.workspace import Workspace

Json = dict[str, Any]

MOST_SOCKETS = 10
"""Connections that Slack allows an app."""
REMEMBERED_ACKS = 50_000
"""Envelope ids that are remembered to recognise double and late acknowledgements."""
LARGEST_ACK_BYTES = 20_480
"""Acknowledgements of this size or more vanish without a word; a character beyond ASCII counts as its escape."""
LEAVING_SECONDS = 10.0
"""How long a socket stays open after `disconnect`, so that its successor is there first."""


class ConnectionLost(Exception):
    """The socket closed before it acknowledged."""


class NoConnection(Exception):
    """No socket is open."""


@dataclass(eq=False)
class Socket:
    """One open socket and the acknowledgements that it owes."""

    web_socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    number: int
    leaving: bool = False
    pending: dict[str, asyncio.Future[Any]] = field(default_factory=dict)


class Sockets:
    """All sockets of the app."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tickets: set[str] = set()
        self._open: list[Socket] = []
        self._acks: OrderedDict[str, str] = OrderedDict()
        self._opened = 0
        self._turn = 0

    def __len__(self) -> int:
        return len(self._open)

    def ticket(self) -> str:
        """Return the secret of one connection to come."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it closes."""
        if request.query.get("ticket") not in self._tickets or len(self._open) >= MOST_SOCKETS:
            self._workspace.traffic.add("socket", "refused", error="too_many_websockets_or_bad_ticket")
            raise web.HTTPForbidden(text="This ticket is spent, or ten sockets are open.")
        self._tickets.discard(request.query["ticket"])
        web_socket = web.WebSocketResponse(compress=False)
        await web_socket.prepare(request)
        self._opened += 1
        socket = Socket(web_socket, request.transport, self._opened)
        await web_socket.send_json(self._hello())
        self._open.append(socket)
        self._workspace.traffic.add("socket", f"hello #{socket.number}")
        troubles = [asyncio.ensure_future(self._drop(socket)), asyncio.ensure_future(self._refresh(socket))]
        try:
            async for frame in web_socket:
                if frame.type == WSMsgType.TEXT:
                    self._received(socket, frame.data)
        finally:
            for trouble in troubles:
                trouble.cancel()
            self._closed(socket)
        return web_socket

    async def send(
        self, kind: str, payload: Json, *, accepts_response: bool, attempt: int = 0, reason: str = "", timeout: float
    ) -> Any:
        """Send one envelope to one socket and return the payload of its ack; raises `NoConnection`, `ConnectionLost` or
        TimeoutError."""
        socket = self._choose()
        envelope_id = secrets.token_hex(16)
        envelope: Json = {
            "type": kind,
            "envelope_id": envelope_id,
            "payload": payload,
            "accepts_response_payload": accepts_response,
        }
        if kind == "events_api":
            envelope.update(retry_attempt=attempt, retry_reason=reason)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        socket.pending[envelope_id] = answer
        self._remember(envelope_id, "awaited")
        try:
            await socket.web_socket.send_str(json.dumps(envelope))
            return await asyncio.wait_for(answer, timeout)
        except (ConnectionResetError, RuntimeError) as error:
            raise ConnectionLost from error
        except asyncio.TimeoutError as error:
            self._remember(envelope_id, "late")
            raise TimeoutError from error
        finally:
            socket.pending.pop(envelope_id, None)

    def cut(self) -> int:
        """Cut all sockets without a word; returns how many there were."""
        for socket in (cut := tuple(self._open)):
            self._abort(socket)
        return len(cut)

    async def close(self) -> None:
        """Close all sockets because the server stops."""
        for socket in tuple(self._open):
            await socket.web_socket.close(code=WSCloseCode.GOING_AWAY, message=b"the sandbox stops")

    def _choose(self) -> Socket:
        ready = [s for s in self._open if not s.leaving] or self._open
        if not ready:
            raise NoConnection
        self._turn += 1
        return ready[self._turn % len(ready)]

    def _received(self, socket: Socket, text: str) -> None:
        try:
            message = json.loads(text)
            envelope_id = message["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self._workspace.traffic.add("refusal", "ack", request=text[:500], error="not_an_ack")
            return
        if len(json.dumps(message, separators=(",", ":"))) >= LARGEST_ACK_BYTES:
            self._workspace.traffic.add("refusal", "ack", request=message, error="ack_too_large")
            return
        waiting = socket.pending.get(envelope_id)
        if waiting is not None and not waiting.done():
            self._remember(envelope_id, "acked")
            waiting.set_result(message.get("payload"))
            return
        state = self._acks.get(envelope_id, "unknown")
        error = {"acked": "double_ack", "late": "late_ack"}.get(state, "unknown_envelope")
        self._workspace.traffic.add("refusal", "ack", request=message, error=error)
        self._remember(envelope_id, "acked")

    def _remember(self, envelope_id: str, state: str) -> None:
        self._acks[envelope_id] = state
        while len(self._acks) > REMEMBERED_ACKS:
            self._acks.popitem(last=False)

    def _closed(self, socket: Socket) -> None:
        self._open.remove(socket)
        for waiting in socket.pending.values():
            if not waiting.done():
                waiting.set_exception(ConnectionLost())
        self._workspace.traffic.add("socket", f"closed #{socket.number}")

    async def _drop(self, socket: Socket) -> None:
        while True:
            every = self._workspace.faults.drop_sockets_every
            await asyncio.sleep(every or 0.2)
            if every:
                self._abort(socket)
                return

    @staticmethod
    def _abort(socket: Socket) -> None:
        if socket.transport is not None:
            socket.transport.abort()

    async def _refresh(self, socket: Socket) -> None:
        while not (every := self._workspace.faults.refresh_every):
            await asyncio.sleep(0.2)
        await asyncio.sleep(every)
        socket.leaving = True
        await socket.web_socket.send_json(
            {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "sandbox"}}
        )
        self._workspace.traffic.add("socket", f"refresh_requested #{socket.number}")
        leave = time.monotonic() + LEAVING_SECONDS
        while time.monotonic() < leave and (socket.pending or self._open == [socket]):
            await asyncio.sleep(0.1)
        await socket.web_socket.close(code=WSCloseCode.GOING_AWAY)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._open) + 1,
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": names.APP},
        }
