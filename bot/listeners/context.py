"""What listeners work with: parts, acceptance, and a pool that takes over once Slack's event is acknowledged."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from slack_bolt import Ack, BoltResponse

from bot.errors import QueueFull
from bot.intake.acceptance import Acceptance
from bot.listeners.replies import Place, Replies
from bot.messages import Message
from bot.operations.requests import Request
from bot.services import Services
from bot.workspaces import here

POOL_THREADS = 16
POOL_LIMIT = 4000
"""Questions that wait or are being answered: at a hundred a second, a wait of less than a minute. A response_url takes
the answer for half an hour."""
ACK_SECONDS = 0.2
"""An answer that is ready sooner travels in the acknowledgement itself: it cannot get lost in between, and costs
no call. Slack's own limit is three seconds."""
MAX_ACK_BYTES = 20_000
"""Socket Mode drops acknowledgements of 20,480 bytes and more without a word; the envelope's id comes on top."""
DRAIN_SECONDS = 6.0
"""SIGTERM allows ten seconds for all: the socket is closed before, the catalogue after."""

_log = logging.getLogger(__name__)

Work = Callable[[Request], Message | None]
"""None: there is nothing to say."""
Listener = Callable[[Ack, dict[str, Any], dict[str, Any]], BoltResponse]
"""Of an action: acknowledgement, action and body."""


class Context:
    """The bot's side of all listeners."""

    def __init__(self, services: Services, acceptance: Acceptance) -> None:
        self.services = services
        self.answerer = services.answerer
        self.acceptance = acceptance
        self.respond = Replies(services.client, services.settings.slack_api_url).send
        acceptance.start()
        self._pool = ThreadPoolExecutor(POOL_THREADS, "answers")
        self._pending = 0
        self._lock = threading.Lock()

    def answer_soon(self, kind: str, ack: Ack, place: Place, work: Work, **how: Any) -> BoltResponse:
        """Answer with the acknowledgement where the work is quick and its answer small, else at `place`; how: as for
        `Replies.send`."""
        future = self.submit(kind, place.user, work)
        if self._pending <= POOL_THREADS:  # else it waits for others, and so would Slack for the acknowledgement
            wait([future], ACK_SECONDS)
        if not future.done():
            future.add_done_callback(here(lambda done: self._deliver(place, done, how)))
        elif (message := future.result()) is not None:
            payload = message.payload() | how
            if fits_ack(payload):
                return ack(**payload)
            self._pool.submit(here(self._deliver), place, future, how)
        return ack()

    def answer_later(self, kind: str, place: Place, work: Work, **how: Any) -> None:
        """Answer at `place` once the work is done; how: as for `Replies.send`."""
        self.submit(kind, place.user, work).add_done_callback(here(lambda done: self._deliver(place, done, how)))

    def submit(self, kind: str, user: str, work: Work) -> Future[Message | None]:
        """Have the work done by the pool, observed; its errors become their sentences. Raises `QueueFull`."""
        with self._lock:
            if self._pending >= POOL_LIMIT:
                raise QueueFull("I am answering too many questions right now: ask again in a minute.")
            future = self._pool.submit(here(self._observed), kind, user, work)
            self._pending += 1
        future.add_done_callback(lambda _: self._done())
        return future

    def close(self) -> None:
        """Take no more, finish what is being answered, for `DRAIN_SECONDS` at most, and close the parts."""
        finishing = threading.Thread(target=self._pool.shutdown, daemon=True)
        finishing.start()
        finishing.join(DRAIN_SECONDS)
        self.services.close()

    def _done(self) -> None:
        with self._lock:
            self._pending -= 1

    def _observed(self, kind: str, user: str, work: Work) -> Message | None:
        with self.services.observer.request(kind, uuid.uuid4().hex[:12], user) as request:
            return self.answerer.spoken(request, lambda: work(request))

    def _deliver(self, place: Place, done: Future[Message | None], how: dict[str, Any]) -> None:
        error = done.exception()
        if error is not None:
            _log.error("an answer was lost", exc_info=error)
            return
        message = done.result()
        if message is not None:
            self.respond(place, message, **how)


def fits_ack(payload: dict[str, Any]) -> bool:
    """Whether a payload may travel in an acknowledgement, where a character beyond ASCII takes six bytes or twelve."""
    return len(json.dumps(payload)) < MAX_ACK_BYTES
