"""`check` on what Redis may throw away, and on the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
import redis

from bot.operations.check import clock, findings
from tests.support.queue import settings

CLOSED = "http://127.0.0.1:9/api/"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "0")
        client.execute_command("ACL", "DELUSER", "narrow", "narrower")


def found(url: str, name: str = "redis", cache: str | None = None) -> tuple[bool | None, str]:
    looked = findings(settings(redis_url=url, cache_url=cache, slack_api_url=CLOSED))
    return next((finding.works, finding.text) for finding in looked if finding.name == name)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
def test_a_queue_that_may_be_evicted_is_wrong(client: redis.Redis, redis_url: str, policy: str):
    client.config_set("maxmemory-policy", policy)
    works, text = found(redis_url)
    assert works is False
    assert policy in text
    assert "noeviction" in text
    assert "CACHE_URL" in text
    assert found("redis://127.0.0.1:9", "cache", redis_url)[0] is True


def test_a_queue_that_keeps_all_is_right(client: redis.Redis, redis_url: str):
    assert found(redis_url) == (True, "answers")
    client.config_set("maxmemory", "1000000000")
    works, text = found(redis_url)
    assert works is None
    assert "CACHE_URL" in text
    assert found(redis_url, cache="redis://127.0.0.1:9") == (True, "answers")
    assert found(redis_url, "cache", redis_url)[0] is None
    assert "CACHE_URL" in found(redis_url, "cache", "redis://127.0.0.1:9")[1]


@pytest.mark.parametrize(("user", "rights"), [("narrow", ["-config"]), ("narrower", ["-config", "-info"])])
def test_it_is_said_too_where_config_is_forbidden(client: redis.Redis, redis_url: str, user: str, rights: list[str]):
    client.execute_command("ACL", "SETUSER", user, "on", ">word", "~*", "+@all", *rights)
    client.config_set("maxmemory-policy", "volatile-lru")
    works, text = found(redis_url.replace("redis://", f"redis://{user}:word@"))
    assert works is (False if user == "narrow" else None)
    assert "noeviction" in text


def test_a_clock_far_from_slacks_is_told():
    assert not list(clock(formatdate(time.time() - 5))) and not list(clock("")) and not list(clock("noon"))
    (finding,) = clock(formatdate(time.time() + 400))
    assert finding.works is False and "synchronise it" in finding.text
