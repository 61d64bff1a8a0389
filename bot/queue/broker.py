"""Dramatiq's Redis broker, mended where it loses messages when Redis is away for a moment (read in dramatiq 2.x).

- A reply of Redis that gets lost leaves its messages marked as being worked by a broker that lives on, for good. Here
  each consumer has a name of its own, and a new one after each failure: what stood under the old name is delivered
  again when the name has been silent for long enough.
- Time-outs end a consumer's thread. Here every error of Redis is a lost connection, after which it begins anew.
- Delayed messages wait in a worker's memory, by its wall clock. Here they wait in Redis, by Redis's clock, so that
  neither the worker's death nor a jump of its clock holds them up.
- A value that is no message stops the consumer each time it is delivered. Here it goes to the dead letters; a key of
  the queue that holds a value of another type is set aside.
"""

from __future__ import annotations

import copy
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed, DecodeError
from dramatiq.middleware import Middleware

from bot.queue import keys

ALWAYS = 1_000_000
"""Dramatiq looks for dead workers once in a thousand fetches by default; with few workers that is minutes."""
BEATS = 5
"""Signs of life within the time after which a consumer is taken for dead."""
DUE_AT_ONCE = 100
"""Delayed messages that one look moves to their queue."""

_DELAY = """
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
redis.call('HSET', KEYS[1] .. '.msgs', ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[1] .. '.later', due, ARGV[1])
"""
_MOVE_DUE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1] .. '.later', 0, now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(due) do
    redis.call('RPUSH', KEYS[1], id)
    redis.call('ZREM', KEYS[1] .. '.later', id)
end
return now
"""

_log = logging.getLogger(__name__)


class Broker(RedisBroker):
    """One queue's messages in Redis. namespace: prefix of its keys; patience: seconds of silence after which a consumer
    is taken for dead."""

    def __init__(self, client: redis.Redis, namespace: str, patience: float, middleware: list[Middleware]) -> None:
        super().__init__(
            client=client,
            namespace=namespace,
            middleware=middleware,
            maintenance_chance=ALWAYS,
            heartbeat_timeout=int(patience * 1000),
        )
        self.patience = patience
        self._delay = client.register_script(_DELAY)
        self._move_due = client.register_script(_MOVE_DUE)
        self._clock = _Clock(client)

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, without the second one in which Dramatiq keeps delayed messages."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer under a name of its own."""
        view = copy.copy(self)
        view.broker_id = str(uuid.uuid4())
        return Consumer(view, queue_name, prefetch, timeout)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Queue a message, to be delivered after `delay` ms at the earliest; raises redis.RedisError."""
        message = message.copy(options={"redis_message_id": str(uuid.uuid4())})
        message_id = str(message.options["redis_message_id"])
        name, data = message.queue_name, message.encode()

        def send() -> None:
            if delay:
                self._delay(keys=[self.key(name)], args=[message_id, data, delay])
            else:
                self.do_enqueue(name, message_id, data)

        keys.mending(self.client, keys.of_queue(name), send)
        return message

    def move_due(self, queue_name: str) -> None:
        """Move the delayed messages whose time has come to their queue, and learn Redis's time."""
        self._clock.learn(int(self._move_due(keys=[self.key(queue_name)], args=[DUE_AT_ONCE])))

    def key(self, queue_name: str) -> str:
        """Key of the list of a queue's message ids."""
        return f"{self.namespace}:{queue_name}"

    def beat(self) -> None:
        """Return a sign of life."""
        self.client.zadd(f"{self.namespace}:__heartbeats__", {self.broker_id: self._clock.milliseconds()})

    def _dispatch(self, command: str) -> Callable[..., Any]:
        """As Dramatiq's, by Redis's time: signs of life of machines with different clocks are compared."""

        def dispatch(queue_name: str, *arguments: Any) -> Any:
            fixed = [command, self._clock.milliseconds(), queue_name, self.broker_id, self.heartbeat_timeout]
            tuning = [self.dead_message_ttl, self._should_do_maintenance(command), self._max_unpack_size()]
            return self.scripts["dispatch"](args=[*fixed, *tuning, *arguments], keys=[self.namespace])

        return dispatch


class Consumer(_RedisConsumer):
    """Fetches one queue's messages for one worker; every failure ends it with `ConnectionClosed`."""

    broker: Broker

    def __init__(self, broker: Broker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        self._fetched: dict[str, str] = {}
        self._next_beat = 0.0

    def __next__(self) -> Any:
        with _connection():
            return keys.mending(self.broker.client, keys.of_queue(self.queue_name), self._fetch)

    def _fetch(self) -> Any:
        if time.monotonic() >= self._next_beat:
            self.broker.beat()
            self._next_beat = time.monotonic() + self.broker.patience / BEATS
        self.broker.move_due(self.queue_name)
        try:
            message = super().__next__()
            if message is not None:
                self._require_own(message)
                self._fetched[message.message_id] = message.options["redis_message_id"]
            return message
        except (DecodeError, ValueError, KeyError, TypeError, AttributeError):
            self._bury_foreign()
            return None

    def ack(self, message: Any) -> None:
        self._fetched.pop(message.message_id, None)
        with _connection():
            super().ack(message)

    def nack(self, message: Any) -> None:
        self._fetched.pop(message.message_id, None)
        with _connection():
            super().nack(message)

    def requeue(self, messages: Any) -> None:
        with _connection():
            super().requeue(messages)

    def _require_own(self, message: Any) -> None:
        """Raise unless a message is one that this queue's jobs travel in."""
        names = (message.queue_name, message.actor_name)
        if names != (self.queue_name, self.queue_name) or not isinstance(message.kwargs["job"], dict) or message.args:
            self.queued_message_ids.discard(message.message_id)
            raise ValueError("not a message of this queue")

    def _bury_foreign(self) -> None:
        """Move what is no message to the dead letters; what was fetched along with it is put back."""
        _log.error("the queue %s held a value that is no job: it is among the dead letters", self.queue_name)
        good = set(self._fetched.values())
        mine = f"{self.broker.namespace}:__acks__.{self.broker.broker_id}.{self.queue_name}"
        waiting = [_message_id(data) for data in self.message_cache]
        self.message_cache = []
        for raw in cast("set[bytes]", self.broker.client.smembers(mine)):
            message_id = raw.decode(errors="replace")
            if message_id in waiting:
                self.broker.do_requeue(self.queue_name, message_id)
            elif message_id not in good:
                self.broker.do_nack(self.queue_name, message_id)


class _Clock:
    """Redis's time, carried on by the monotonic clock, which no one sets."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._offset: float | None = None

    def learn(self, milliseconds: int) -> None:
        """Note Redis's time of now."""
        self._offset = milliseconds - time.monotonic() * 1000

    def milliseconds(self) -> int:
        """Unix time in ms; asks Redis at first use."""
        if self._offset is None:
            seconds, microseconds = self._client.time()
            self.learn(seconds * 1000 + microseconds // 1000)
        return int((self._offset or 0.0) + time.monotonic() * 1000)


def _message_id(data: bytes | None) -> str:
    try:
        return str(dramatiq.Message.decode(data or b"").options["redis_message_id"])
    except (DecodeError, KeyError, TypeError, AttributeError):
        return ""


@contextmanager
def _connection() -> Iterator[None]:
    """Turn what Redis raises into a lost connection."""
    try:
        yield
    except redis.RedisError as error:
        raise ConnectionClosed(error) from None
