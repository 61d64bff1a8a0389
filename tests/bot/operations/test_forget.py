"""A person is forgotten, whatever stands where the catalogue should."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from bot.answering.history import History
from bot.operations.forget import forget
from bot.questions import Question
from bot.queue.tasks import RedisQueue
from recommender import redis_keys
from recommender.errors import CatalogueDamaged

PERSON = "U012AB3CD"


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    client = redis.Redis.from_url(redis_url)
    History(client).add(PERSON, Question("#3"))
    History(client).add("UOTHER", Question("#3"))
    return client


@pytest.mark.parametrize("catalogue", [None, "none"])
def test_a_person_is_forgotten_where_there_is_no_catalogue(
    client: redis.Redis, redis_url: str, tmp_path: Path, catalogue: str | None
):
    folder = str(tmp_path / catalogue) if catalogue else None
    assert forget(client, RedisQueue(redis_url), folder, PERSON) == {"last questions": 1}
    assert not History(client).of(PERSON)
    assert History(client).of("UOTHER")
    assert forget(client, RedisQueue(redis_url), folder, PERSON) == {}


def test_redis_forgets_a_person_though_the_catalogue_is_damaged(client: redis.Redis, redis_url: str, tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(CatalogueDamaged):
        forget(client, RedisQueue(redis_url), str(tmp_path), PERSON)
    assert not History(client).of(PERSON)


@pytest.mark.parametrize("prefix", ["team:bots", "a[b]*?\\c"])
def test_a_person_is_forgotten_under_the_prefix_in_use_alone(
    client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, prefix: str
):
    monkeypatch.setattr(redis_keys, "PREFIX", prefix)
    History(client).add(PERSON, Question("#3"))
    assert forget(client, RedisQueue(redis_url), None, PERSON) == {"last questions": 1}
    assert not History(client).of(PERSON)
    monkeypatch.undo()
    assert History(client).of(PERSON)
