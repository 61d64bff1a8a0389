"""What a channel wants answered, and what is speech alone."""

from __future__ import annotations

import pytest
import redis

from bot.answering.manners import Manner, Manners, speech_alone
from bot.queue import keys
from bot.settings import BotSettings


def test_a_channel_keeps_its_settings_and_others_the_default(redis_url: str):
    client = redis.Redis.from_url(redis_url)
    manners = Manners(client, BotSettings(_env_file=None, channel_answers="mentioned"))
    assert manners.of("C1") == Manner("mentioned", True)
    assert manners.change("C1", answers="ear") == manners.of("C1") == Manner("ear", True)
    assert manners.change("C1", speech=False) == Manner("ear", False)
    assert manners.of("C2") == Manner("mentioned", True)
    assert client.ttl(keys.manner("C1")) == -1


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"7", b"[" * 5000, b"\xff"])
def test_settings_that_are_unreadable_are_the_default(redis_url: str, raw: bytes):
    client = redis.Redis.from_url(redis_url)
    client.set(keys.manner("C1"), raw)
    assert Manners(client, BotSettings(_env_file=None)).of("C1") == Manner()


def test_a_value_of_another_type_is_set_aside(redis_url: str):
    client = redis.Redis.from_url(redis_url)
    client.sadd(keys.manner("C1"), "foreign")
    assert Manners(client, BotSettings(_env_file=None)).of("C1") == Manner()
    assert client.smembers(keys.aside(keys.manner("C1"))) == {b"foreign"}


@pytest.mark.parametrize(
    ("labels", "alone"),
    [
        ((), False),
        ((("Speech", 0.9),), True),
        ((("Speech", 0.9), ("Narration, monologue", 0.8), ("Music", 0.2)), True),
        ((("Speech", 0.9), ("Music", 0.5)), False),
        ((("Music", 0.9), ("Speech", 0.8)), False),
    ],
)
def test_speech_is_alone_where_nothing_else_is_half_as_likely(labels: tuple[tuple[str, float], ...], alone: bool):
    assert speech_alone(labels) is alone
