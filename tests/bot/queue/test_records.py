"""What Redis remembers of jobs."""

from __future__ import annotations

import json
import math
from typing import Any, cast

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st

from bot.questions import MAX_TOP
from bot.queue import keys
from bot.queue.jobs import Job
from bot.queue.records import POST_INTERVAL_SECONDS, Records, record_of
from recommender import redis_keys
from tests.support.queue import admission


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def records(client: redis.Redis) -> Records:
    return Records(client)


def job(file: str = "F1", **more: Any) -> Job:
    return Job.new("C1", file, "U1", **more)


def test_a_file_is_marked_once_per_channel(records: Records):
    assert records.mark("C1", "F1", "a") == "a"
    assert records.mark("C1", "F1", "b") == "a"
    assert records.mark("C2", "F1", "c") == "c"


def test_the_right_to_post_is_given_once(records: Records):
    assert records.claim("x")
    assert not records.claim("x")
    claimed = records.get("x").claimed
    assert claimed > 0
    assert records.reclaim("x", claimed)
    assert not records.reclaim("x", claimed)


def test_fields(records: Records):
    records.put("x", ts="1.5", place="D1", state="done", claimed=-1, refusal='["busy", "Later."]')
    record = records.get("x")
    assert (record.ts, record.place, record.state, record.claimed) == ("1.5", "D1", "done", -1.0)
    assert record.refusal == ("busy", "Later.")
    assert not records.get("y").known


def test_who_began_a_work_and_never_ended_it_has_died_of_it(records: Records):
    assert [records.begin_work("x", "a"), records.begin_work("x", "a")] == [0, 0]  # the same process lives
    records.end_work("x")
    assert records.begin_work("x", "b") == 0
    assert [records.begin_work("x", name) for name in "cde"] == [1, 2, 3]
    records.end_work("x")
    assert records.begin_work("x", "f") == 3


def test_a_lease_is_one_owners_until_it_is_given_back(records: Records):
    assert records.lease("x", "a")
    assert records.lease("x", "a")
    assert not records.lease("x", "b")
    records.release("x", "b")
    assert not records.lease("x", "b")
    records.release("x", "a")
    assert records.lease("x", "b")


def test_jobs_have_their_turn_by_slacks_time_then_by_file(client: redis.Redis, records: Records):
    late, early, second = job("F3", at="7.5"), job("F1", at="5.0"), job("F2", at="5.0")
    for each in (late, second, early):
        admission(client).admit(each, each.file)
    assert [records.ahead(each) for each in (early, second, late)] == [0, 1, 2]
    records.leave(early)
    assert [records.ahead(each) for each in (early, second, late)] == [0, 0, 1]


def test_moments_to_post_are_a_second_apart_in_each_channel(records: Records):
    assert records.reserve("C1") == 0
    assert 0 < records.reserve("C1") <= POST_INTERVAL_SECONDS
    assert 0 < records.reserve("C1") <= POST_INTERVAL_SECONDS
    assert records.reserve("C2") == 0


def test_the_files_of_a_message_are_known(client: redis.Redis, records: Records):
    client.set(keys.thread("C1", "1.0"), "1")  # as 0.1 noted it
    assert records.files("C1", "1.0") == []
    records.note_file("C1", "1.0", "F2")
    records.note_file("C1", "1.0", "F1")
    assert records.files("C1", "1.0") == ["F1", "F2"]


def test_of_a_corrected_wish_the_newest_edition_counts(records: Records):
    first, second, third = (job(mark="message:1.0", edition=edition) for edition in ("", "5.000100", "5.000200"))
    assert first.first == second.first == third.first
    assert records.newest(first) and records.newest(third)
    assert not records.newest(second) and not records.newest(first)
    assert records.newest(third)


def test_everything_in_redis_ends_and_has_the_prefix(
    client: redis.Redis, records: Records, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redis_keys, "PREFIX", "other")
    one = admission(client).admit(job(thread="1.0", asked=True), "F1")
    records.begin_work(one.id, "a")
    records.put("unknown", state="done")
    records.lease(one.id, "a")
    records.note_file("C1", "1.0", "F1")
    records.reserve("C1")
    found = [key for key in cast("list[bytes]", client.keys("*")) if not key.startswith(keys.namespace().encode())]
    assert len(found) == 9
    assert all(int(client.pttl(key)) > 0 for key in found)
    assert all(key.startswith(b"other:") for key in cast("list[bytes]", client.keys("*")))


def test_a_poisoned_record_is_an_empty_one(client: redis.Redis, records: Records):
    poison: dict[Any, Any] = {"claimed": b"\xff", "filters": "[1]", "refusal": "[1, 2, 3]", "dead": "many", "ts": "1.0"}
    client.hset(keys.job("x"), mapping=poison)
    record = records.get("x")
    assert (record.claimed, record.filters, record.refusal, record.ts) == (0.0, None, None, "1.0")
    assert records.begin_work("x", "a") == 0


numbers = st.integers() | st.floats()
labels = st.lists(st.text(max_size=9) | numbers | st.none(), max_size=3)
filters = st.fixed_dictionaries(
    {"q": st.text(max_size=9)}, optional={"t": numbers, "s": numbers, "o": labels, "n": labels}
)
hashes = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["claimed", "refusal", "asked", "ts"], st.text() | numbers.map(str)),
        "filters": filters.map(json.dumps) | st.text(),
    },
)


@example({"refusal": "1e999", "claimed": "nan", "filters": '{"q": "", "t": 1e999}'})
@example({"filters": "[" * 100_000})
@given(hashes)
def test_any_hash_is_a_record_within_bounds(raw):
    record = record_of(raw)
    assert (record.known, record.ts) == (bool(raw), raw.get("ts", ""))
    assert math.isfinite(record.claimed)
    if record.filters is not None:
        assert 1 <= record.filters.top <= MAX_TOP
        assert record.filters.skip >= 0
        assert all(isinstance(label, str) for label in (*record.filters.only, *record.filters.without))


@example({"q": "", "s": math.inf})
@given(filters)
def test_filters_are_read_where_their_numbers_are_numbers(data):
    finite = all(math.isfinite(data.get(name, 0)) for name in ("t", "s"))
    assert (record_of({"filters": json.dumps(data)}).filters is not None) == finite


def test_a_value_of_a_foreign_type_is_set_aside(client: redis.Redis, records: Records):
    one = job()
    own = [keys.job(one.id), keys.turn("C1"), keys.first("C1"), keys.slot("C1"), keys.lease(one.id)]
    for key in (*own, keys.seen("C1", "F1")):
        client.lpush(key, "foreign")
    assert records.mark("C1", "F1", one.id) == one.id
    assert not records.get(one.id).known
    assert records.lease(one.id, "a")
    assert records.reserve("C1") == 0
    assert records.ahead(one) == 0
    assert records.claim(one.id)
    assert records.get(one.id).known
    assert client.lrange(keys.aside(keys.job(one.id)), 0, -1) == [b"foreign"]
    assert int(client.ttl(keys.aside(keys.job(one.id)))) > 0
