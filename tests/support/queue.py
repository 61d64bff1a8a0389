"""The queue's parts on a real Redis."""

from __future__ import annotations

import json
from typing import Any, cast

import redis

from bot.queue import keys
from bot.queue.admission import Admission
from bot.settings import BotSettings


def settings(**changed: Any) -> BotSettings:
    """Settings that no .env reaches."""
    return BotSettings(_env_file=None, **changed)


def admission(client: redis.Redis, **changed: Any) -> Admission:
    """What admits jobs, under these settings."""
    return Admission(client, settings(**changed))


def queued(client: redis.Redis, name: str = "intake") -> list[dict[str, Any]]:
    """The jobs of a queue, the delayed ones last."""
    ids = [*client.lrange(keys.queue(name), 0, -1), *cast("list[bytes]", client.zrange(keys.later(name), 0, -1))]
    found = [client.hget(keys.messages(name), cast(str, each)) for each in ids]
    return [json.loads(cast(bytes, data))["kwargs"]["job"] for data in found]
