"""Gets payloads to the bot, over sockets or over HTTP, and repeats events that are not acknowledged."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from sandbox.delivery.http import BadAnswer, HttpDelivery
from sandbox.delivery.sockets import ConnectionLost, NoConnection, Sockets
from sandbox.workspace import Workspace

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a payload. error: what Slack would call it, empty if acknowledged; ms: until then."""

    error: str
    ms: float
    response: Any = None
    retry: bool = True

    @property
    def acked(self) -> bool:
        return not self.error

    def to_json(self) -> Json:
        """Return the outcome as the driver reports it."""
        return {"acked": self.acked, "error": self.error, "ms": round(self.ms, 2), "response": self.response}


class Delivery:
    """Sends events, commands and interactions."""

    def __init__(self, workspace: Workspace, sockets: Sockets, http: HttpDelivery) -> None:
        self._workspace = workspace
        self._sockets = sockets
        self._http = http

    async def ask(self, kind: str, name: str, payload: Json, *, url: str = "") -> Outcome:
        """Send a command or an interaction, once: Slack does not repeat these. kind, name: what it is, for the
        envelope and for the traffic; url: where it goes over HTTP, as the app is set up where empty."""
        entry_kind = "command" if kind == "slash_commands" else "interactive"
        return await self._attempt(kind, entry_kind, name, payload, 0, "", url)

    def event(self, name: str, payload: Json) -> None:
        """Send an event in the background, twice where that fault is on, and again until it is acknowledged."""
        for _ in range(2 if self._workspace.faults.doubled_events else 1):
            self._workspace.background(self._event(name, payload))

    async def _event(self, name: str, payload: Json) -> None:
        reason, outcome, resets = "", Outcome("", 0), self._workspace.resets
        for attempt, delay in enumerate((0.0, *self._workspace.faults.retry_delays)):
            if attempt:
                await asyncio.sleep(delay)
            if self._workspace.resets != resets:
                return  # what it tells of is no longer there
            outcome = await self._attempt("events_api", "event", name, payload, attempt, reason, "")
            if outcome.acked or not outcome.retry:
                return
            late = "http_timeout" if self._workspace.app.request_url else "timeout"
            reason = late if outcome.error == "operation_timeout" else outcome.error.partition(":")[0]
        self._workspace.traffic.add("refusal", name, error="event_given_up", request=payload)

    async def _attempt(
        self, kind: str, entry_kind: str, name: str, payload: Json, attempt: int, reason: str, url: str
    ) -> Outcome:
        traffic = self._workspace.traffic
        entry = traffic.add(entry_kind, name, request=payload, attempt=attempt)
        traffic.waiting += 1
        started = time.perf_counter()
        error, answer, retry = "", None, True
        try:
            answer = await self._transport(kind, payload, attempt, reason, url)
        except TimeoutError:
            error = "operation_timeout"
        except BadAnswer as bad:
            error, retry = f"http_error: {bad}", bad.retry
        except ConnectionLost:
            error = "connection_failed"
        except (NoConnection, ConnectionError):
            error = "dispatch_failed"
        finally:
            traffic.waiting -= 1
        ms = (time.perf_counter() - started) * 1000
        traffic.finish(entry, ms=ms, error=error, answer=answer)
        return Outcome(error, ms, answer, retry)

    async def _transport(self, kind: str, payload: Json, attempt: int, reason: str, url: str) -> Any:
        timeout = self._workspace.faults.ack_timeout
        request_url = url or self._workspace.app.request_url
        if request_url:
            return await self._http.send(request_url, kind, payload, attempt=attempt, reason=reason, timeout=timeout)
        return await self._sockets.send(
            kind,
            payload,
            accepts_response=kind != "events_api",
            attempt=attempt,
            reason=reason,
            timeout=timeout,
        )
