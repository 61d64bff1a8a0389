"""Records: the same rules in Redis and in memory."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st

from bot.questions import MAX_TOP, Question
from bot.queue.jobs import Job
from bot.queue.memory_records import MemoryRecords
from bot.queue.records import POST_INTERVAL_SECONDS, SEEN_SECONDS, record_of
from bot.queue.redis_records import (
    RedisRecords,
    first_key,
    job_key,
    lease_key,
    seen_key,
    slot_key,
    turn_key,
)


@pytest.fixture(params=["redis", "memory"])
def records(request):
    if request.param == "memory":
        return MemoryRecords()
    return RedisRecords(redis.Redis.from_url(request.getfixturevalue("redis_url")))


def job(file="F1", **more) -> Job:
    return Job.new("C1", file, "U1", **more)


def test_a_file_is_marked_once_per_channel(records):
    assert records.mark("C1", "F1", "a") == "a"
    assert records.mark("C1", "F1", "b") == "a"
    assert records.mark("C2", "F1", "c") == "c"


def test_a_record_that_is_opened_again_only_learns(records):
    first = job(thread="1.0", asked=True)
    records.begin(first)
    records.begin(replace(first, thread="", asked=False, top=3))
    record = records.get(first.id)
    assert (record.known, record.thread, record.asked, record.state, record.ts) == (True, "1.0", True, "", "")
    assert record.filters == Question("", top=3)


def test_the_right_to_post_is_given_once(records):
    records.begin(one := job())
    assert records.claim(one.id)
    assert not records.claim(one.id)
    claimed = records.get(one.id).claimed
    assert claimed > 0
    assert records.reclaim(one.id, claimed)
    assert not records.reclaim(one.id, claimed)


def test_fields_and_tries(records):
    records.put("x", ts="1.5", place="D1", state="done", claimed=-1)
    assert records.add_try("x") == 1
    assert records.add_try("x") == 2
    record = records.get("x")
    assert (record.ts, record.place, record.state, record.claimed, record.tries) == ("1.5", "D1", "done", -1.0, 2)
    assert not records.get("y").known


def test_a_lease_is_one_owners_until_it_is_given_back(records):
    assert records.lease("x", "a")
    assert records.lease("x", "a")
    assert not records.lease("x", "b")
    records.release("x", "b")
    assert not records.lease("x", "b")
    records.release("x", "a")
    assert records.lease("x", "b")


def test_jobs_have_their_turn_by_slacks_time_then_by_file(records):
    late, early, second = job("F3", at="7.5"), job("F1", at="5.0"), job("F2", at="5.0")
    for each in (late, second, early):
        records.begin(each)
    assert [records.ahead(each) for each in (early, second, late)] == [0, 1, 2]
    records.leave(early)
    assert [records.ahead(each) for each in (early, second, late)] == [0, 0, 1]


def test_moments_to_post_are_a_second_apart_in_each_channel(records):
    assert records.reserve("C1") == 0
    assert 0 < records.reserve("C1") <= POST_INTERVAL_SECONDS
    assert 0 < records.reserve("C1") <= POST_INTERVAL_SECONDS
    assert records.reserve("C2") == 0


def test_threads_that_share_a_file_are_known(records):
    assert not records.has_thread("C1", "1.0")
    records.note_thread("C1", "1.0")
    assert records.has_thread("C1", "1.0")


def test_everything_in_redis_ends(redis_url):
    client = redis.Redis.from_url(redis_url)
    records = RedisRecords(client)
    one = job()
    records.mark("C1", "F1", one.id)
    records.begin(one)
    records.put(one.id, state="done")
    records.put("unknown", state="done")
    records.lease(one.id, "a")
    records.note_thread("C1", "1.0")
    records.reserve("C1")
    keys = cast("list[bytes]", client.keys("*"))
    assert len(keys) == 7
    assert all(int(client.pttl(key)) > 0 for key in keys)
    assert all(key.startswith(b"soundalike:") for key in keys)


def test_a_poisoned_record_is_an_empty_one(redis_url):
    client = redis.Redis.from_url(redis_url)
    client.hset(job_key("x"), mapping={"claimed": b"\xff", "filters": "[1]", "tries": "many", "ts": "1.0"})
    record = RedisRecords(client).get("x")
    assert (record.claimed, record.filters, record.tries, record.ts) == (0.0, None, 0, "1.0")


numbers = st.integers() | st.floats()
labels = st.lists(st.text(max_size=9) | numbers | st.none(), max_size=3)
filters = st.fixed_dictionaries(
    {"q": st.text(max_size=9)}, optional={"t": numbers, "s": numbers, "o": labels, "n": labels}
)
hashes = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["claimed", "tries", "asked", "ts"], st.text() | numbers.map(str)),
        "filters": filters.map(json.dumps) | st.text(),
    },
)


@example({"tries": "1e999", "claimed": "nan", "filters": '{"q": "", "t": 1e999}'})
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


def test_marks_in_memory_end_as_those_in_redis(monkeypatch: pytest.MonkeyPatch):
    records = MemoryRecords()
    records.mark("C1", "F1", "a")
    records.note_thread("C1", "1.0")
    assert records.has_mark("C1", "F1")
    later = time.monotonic() + SEEN_SECONDS
    monkeypatch.setattr("bot.queue.memory_records.time", SimpleNamespace(monotonic=lambda: later))
    assert not records.has_mark("C1", "F1")
    assert not records.has_thread("C1", "1.0")


def test_a_job_travels_through_the_queue():
    one = job(only=("Jazz",), refusal=("busy", "Later."), at="1.5")
    assert Job.from_json(one.to_json()) == one


def test_a_value_of_a_foreign_type_is_as_if_it_were_not_there(redis_url):
    client = redis.Redis.from_url(redis_url)
    records = RedisRecords(client)
    one = job()
    for key in (job_key(one.id), turn_key("C1"), first_key("C1"), slot_key("C1"), lease_key(one.id)):
        client.lpush(key, "foreign")
    client.lpush(seen_key("C1", "F1"), "foreign")
    assert records.mark("C1", "F1", one.id) == one.id
    assert not records.get(one.id).known
    assert records.lease(one.id, "a")
    assert records.reserve("C1") == 0
    records.begin(one)
    assert records.ahead(one) == 0
    assert records.claim(one.id)
    assert records.get(one.id).known
