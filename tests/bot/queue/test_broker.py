"""The queue on a real Redis: what is lost on the way is delivered again, and what is foreign is put aside."""

from __future__ import annotations

import time
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.errors import ConnectionClosed

from bot.queue import keys
from bot.queue.broker import Broker, Consumer
from bot.queue.dead_letters import DeadLetters
from bot.queue.figures import figures
from bot.queue.jobs import Job
from bot.queue.tasks import RedisQueue

PATIENCE_SECONDS = 0.3


def make(url: str) -> Broker:
    return Broker(redis.Redis.from_url(url), keys.namespace(), PATIENCE_SECONDS, [])


def message(name: str) -> dramatiq.Message[Any]:
    job = Job.new("C1", "F1", name).to_json()
    return dramatiq.Message(queue_name="intake", actor_name="intake", args=(), kwargs={"job": job}, options={})


def next_of(consumer: Consumer, seconds: float = 3.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = next(consumer)
        if found is not None:
            return found
    return None


def users(*messages: Any) -> list[str]:
    return [each.kwargs["job"]["user"] for each in messages]


def test_what_was_fetched_by_one_who_never_saw_it_is_delivered_again(redis_url: str):
    broker = make(redis_url)
    broker.enqueue(message("U1"))
    lost = broker.consume("intake", prefetch=2, timeout=20)
    assert len(lost.broker.do_fetch("intake", 2)) == 1  # the reply is lost, and the process lives on
    again = broker.consume("intake", prefetch=2, timeout=20)
    found = next_of(again)
    assert users(found) == ["U1"]
    again.ack(found)
    assert next_of(again, 2 * PATIENCE_SECONDS) is None
    assert figures(redis.Redis.from_url(redis_url)).length == 0


def test_one_who_is_busy_for_long_is_not_taken_for_dead(redis_url: str):
    broker = make(redis_url)
    broker.enqueue(message("U1"))
    busy = broker.consume("intake", prefetch=1, timeout=20)
    assert users(next_of(busy)) == ["U1"]
    other = broker.consume("intake", prefetch=1, timeout=20)
    for _ in range(20):
        assert next(busy) is None
        assert next(other) is None
        time.sleep(PATIENCE_SECONDS / 10)


def test_delayed_messages_wait_in_redis(redis_url: str):
    make(redis_url).enqueue(message("U1"), delay=200)
    assert figures(redis.Redis.from_url(redis_url)).length == 1
    consumer = make(redis_url).consume("intake", prefetch=1, timeout=20)
    assert next(consumer) is None
    assert users(next_of(consumer)) == ["U1"]


@pytest.mark.parametrize(
    "value",
    [b"\x80\x04.", b"[]", b"{}", b'{"queue_name": "intake"}', message("U9").copy(queue_name="other").encode()],
)
def test_foreign_values_go_to_the_dead_letters_and_hold_nothing_up(redis_url: str, value: bytes):
    broker, client = make(redis_url), redis.Redis.from_url(redis_url)
    client.hset(keys.messages("intake"), "foreign", value)
    client.rpush(keys.queue("intake"), "foreign")
    for name in ("U1", "U2"):
        broker.enqueue(message(name))
    consumer = broker.consume("intake", prefetch=3, timeout=20)
    found = [next_of(consumer), next_of(consumer)]
    assert sorted(users(*found)) == ["U1", "U2"]
    for each in found:
        consumer.ack(each)
    queue = RedisQueue(redis_url)
    counts = figures(client)
    assert (counts.length, counts.dead, len(DeadLetters(queue).show())) == (0, 1, 1)


def test_every_error_of_redis_ends_the_consumer_alone(redis_url: str):
    consumer = make(redis_url).consume("intake", prefetch=1, timeout=20)
    consumer.broker.client.connection_pool.disconnect()
    consumer.broker.client.connection_pool = redis.ConnectionPool(port=1)
    with pytest.raises(ConnectionClosed):
        next(consumer)


@pytest.mark.parametrize("key", keys.of_queue("intake"))
def test_a_key_of_the_queue_that_holds_something_else_is_set_aside(redis_url: str, key: str):
    client = redis.Redis.from_url(redis_url)
    client.set(key, "foreign")
    consumer = make(redis_url).consume("intake", prefetch=1, timeout=20)
    assert next(consumer) is None
    make(redis_url).enqueue(message("U1"))
    assert users(next_of(consumer)) == ["U1"]
    assert int(client.ttl(keys.aside(key))) > 0 or key == keys.dead_messages("intake")
