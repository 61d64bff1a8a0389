"""Acceptance: what is a repetition, and what is a new wish."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import redis

from bot.intake import acceptance
from bot.intake.acceptance import Acceptance
from bot.queue.jobs import Job
from bot.queue.records import SEEN_SECONDS
from bot.queue.redis_records import seen_key


def accepting(client: redis.Redis) -> tuple[Acceptance, Mock]:
    queue = Mock(length=lambda: 0)
    services: Any = SimpleNamespace(
        redis=client, queue=queue, limits=Mock(), settings=SimpleNamespace(queue_limit=10), upload_steps=lambda *_: None
    )
    return Acceptance(services), queue


def test_uploads_that_are_lost_with_the_process_are_counted(monkeypatch: Any, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(acceptance, "DRAIN_SECONDS", 0.2)
    away = Mock(wraps=redis.Redis(port=1))
    accept, _ = accepting(away)
    begun, go_on = threading.Event(), threading.Event()

    def step(job: Job) -> None:
        begun.set()
        go_on.wait(10)

    accept._local.steps = Mock(intake=step)
    assert accept.upload("C1", "F1", "U1")
    assert begun.wait(10)
    accept.close()
    assert "1 uploads are lost" in caplog.text
    caplog.clear()
    go_on.set()
    accept.close()
    assert "lost" not in caplog.text


def test_a_file_that_is_shared_again_much_later_is_a_new_wish(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    client = redis.Redis.from_url(redis_url)
    accept, queue = accepting(client)
    assert accept.upload("C1", "F1", "U1")
    assert not accept.upload("C1", "F1", "U1")
    client.delete(seen_key("C1", "F1"))  # as after `SEEN_SECONDS`, or in a Redis that came back empty
    assert not accept.upload("C1", "F1", "U1")
    client.delete(seen_key("C1", "F1"))
    late = SimpleNamespace(time=time.time, monotonic=lambda: time.monotonic() + SEEN_SECONDS)
    monkeypatch.setattr(acceptance, "time", late)
    assert accept.upload("C1", "F1", "U1")
    assert queue.intake.call_count == 2
