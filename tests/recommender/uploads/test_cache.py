from __future__ import annotations

import json
import socket
import time
from dataclasses import replace

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.answers import Answer, Result
from recommender.clips import Clip
from recommender.embedders import Frames, musicnn
from recommender.settings import Settings
from recommender.uploads import Upload
from recommender.uploads.cache import Cache, answer_key, embedding_key

SHA256 = "ab" * 32


def make_cache(url: str) -> Cache:
    return Cache.connect(Settings(redis_url=url))


@pytest.fixture
def cache(redis_url: str) -> Cache:
    return make_cache(redis_url)


@pytest.fixture
def upload() -> Upload:
    vectors = np.random.default_rng(1).normal(size=(3, 200)).astype(np.float32)
    frames = Frames("musicnn-msd", 3.0, vectors, np.empty((3, 0), np.float32), ())
    return Upload(SHA256, 9.5, frames, incomplete="Only 9.5 s could be read.")


def make_answer(catalogue_id: str = "cat1") -> Answer:
    clip = Clip(7, "1OU19ANx4fg_6000", "1OU19ANx4fg", 6.0, 16.0, ("Music", "Ska"), "1OU19ANx4fg", "https://youtu.be/x")
    return Answer(
        query="1OU19ANx4fg_6000",
        catalogue_id=catalogue_id,
        seeds=(clip,),
        sounds_like=(("Music", 0.9),),
        results=(Result(1, clip, 0.8113, (0.0, 10.0), 2), Result(2, replace(clip, fields=(("take", "3"),)), 0.5)),
        more=True,
        by_sound=("Music",),
        incomplete=("Only 9.5 s could be read.",),
    )


def test_an_upload_comes_back_as_it_was_kept(cache: Cache, upload: Upload):
    cache.keep_upload(upload)
    found = cache.upload(SHA256, "musicnn-msd")
    assert found is not None
    assert (found.seconds, found.incomplete) == (9.5, upload.incomplete)
    assert found.frames.hop == musicnn.SPEC.hop
    np.testing.assert_array_equal(found.frames.vectors, upload.frames.vectors)


def test_an_upload_is_known_in_its_own_space_alone(cache: Cache, upload: Upload):
    cache.keep_upload(upload)
    assert cache.upload(SHA256, "vggish-pca") is None


def test_an_answer_comes_back_as_it_was_kept(cache: Cache):
    cache.keep_answer("question", make_answer())
    assert cache.answer("cat1", "question") == make_answer()
    assert cache.answer("cat2", "question") is None
    assert cache.answer("cat1", "another question") is None


def test_what_is_kept_expires(redis_url: str, upload: Upload):
    cache = make_cache(redis_url)
    cache.keep_upload(upload)
    cache.keep_answer("question", make_answer())
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.ttl(embedding_key(SHA256, "musicnn-msd")) <= Settings().embedding_cache_seconds
        assert 0 < client.ttl(answer_key("cat1", "question")) <= Settings().result_cache_seconds


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\n",
        b"null\n",
        b'{"rows": 1e999, "seconds": 1}\n',
        b'{"rows": -1, "seconds": 1}\n' + bytes(800),
        b'{"rows": 1, "seconds": -1}\n' + bytes(800),
        b'{"rows": 1, "seconds": 1}\n' + bytes(799),
        b'{"rows": 1, "seconds": 1}\n' + b"\xff" * 800,
        b"\x80\x04\x95cos\nsystem\n",
    ],
)
def test_a_poisoned_embedding_is_a_miss(redis_url: str, value: bytes):
    with redis.Redis.from_url(redis_url) as client:
        client.set(embedding_key(SHA256, "musicnn-msd"), value)
    assert make_cache(redis_url).upload(SHA256, "musicnn-msd") is None


def test_a_value_of_another_type_is_a_miss(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        client.lpush(embedding_key(SHA256, "musicnn-msd"), "x")
        client.lpush(answer_key("cat1", "question"), "x")
    assert make_cache(redis_url).upload(SHA256, "musicnn-msd") is None
    assert make_cache(redis_url).answer("cat1", "question") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(sorted(make_answer().to_json())), json_values)
def test_a_poisoned_answer_is_a_miss_or_an_answer_but_never_an_exception(redis_url: str, field: str, value: object):
    data = make_answer().to_json() | {field: value}
    with redis.Redis.from_url(redis_url) as client:
        client.set(answer_key("cat1", "question"), json.dumps(data))
    found = make_cache(redis_url).answer("cat1", "question")
    assert found is None or isinstance(found, Answer)


def test_an_answer_of_another_catalogue_under_this_ones_key_is_a_miss(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        client.set(answer_key("cat1", "question"), json.dumps(make_answer("cat2").to_json()))
    assert make_cache(redis_url).answer("cat1", "question") is None


def test_without_redis_all_is_a_miss(upload: Upload):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
    cache = make_cache(nobody)
    cache.keep_upload(upload)
    assert cache.upload(SHA256, "musicnn-msd") is None
    assert not cache.available


def test_a_server_that_never_answers_is_asked_once_and_then_left_alone(upload: Upload):
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        cache = make_cache(f"redis://127.0.0.1:{frozen.getsockname()[1]}/0")
        cache.keep_upload(upload)
        frozen.setblocking(False)
        while True:
            try:
                frozen.accept()
            except BlockingIOError:
                break
        assert cache.upload(SHA256, "musicnn-msd") is None
        with pytest.raises(BlockingIOError):
            frozen.accept()


def test_redis_is_asked_again_after_a_while(redis_url: str, upload: Upload, monkeypatch: pytest.MonkeyPatch):
    cache = make_cache(redis_url)
    cache._down_until = time.monotonic() + 0.05
    assert not cache.available
    monkeypatch.setattr(time, "monotonic", lambda: cache._down_until + 1)
    assert cache.available
