"""The claim on a file: one at a time works on it, in any process, and a dead one holds it no longer than seconds."""

from __future__ import annotations

import threading
import time

import redis

from recommender.uploads import cache as cache_module
from recommender.uploads.cache import Cache, claim_key

SHA, SPACE = "ab" * 32, "musicnn-msd"


def make(url: str) -> Cache:
    return Cache(redis.Redis.from_url(url, socket_timeout=1), 60, 60)


def test_one_at_a_time(redis_url: str):
    inside, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with make(redis_url).alone(SHA, SPACE):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)
    assert redis.Redis.from_url(redis_url).keys("*") == []


def test_a_claim_is_renewed_while_its_holder_lives_and_ends_with_it(redis_url: str, monkeypatch):
    monkeypatch.setattr(cache_module, "ALONE_SECONDS", 0.3)
    client = redis.Redis.from_url(redis_url)
    with make(redis_url).alone(SHA, SPACE):
        time.sleep(0.7)
        assert client.exists(claim_key(SHA, SPACE))
    client.set(claim_key(SHA, SPACE), "a dead process", px=300)
    with make(redis_url).alone(SHA, SPACE):
        assert client.get(claim_key(SHA, SPACE)) != b"a dead process"


def test_without_redis_everybody_goes_on():
    with make("redis://127.0.0.1:1").alone(SHA, SPACE):
        pass


def test_a_value_of_a_foreign_type_is_a_miss_and_leaves_the_cache_on(redis_url: str):
    cache = make(redis_url)
    redis.Redis.from_url(redis_url).lpush(f"soundalike:embedding:{SPACE}:{SHA}", "foreign")
    assert cache.upload(SHA, SPACE) is None
    assert cache.available
