"""How keys in Redis are spelt: the prefix, the kind of value, and what the value depends on, joined by colons.

The functions that name a kind are `recommender.uploads.cache`'s and `bot.queue.keys`'; nothing else spells a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import redis

PREFIX = "soundalike"
"""Of this process; `KEY_PREFIX` changes it where settings are loaded."""


def build(kind: str, *parts: str | int) -> str:
    """Return a key of ours."""
    return ":".join((PREFIX, kind, *map(str, parts)))


def split(raw: str | bytes) -> tuple[str, list[str]]:
    """Return the kind and the parts of a key of ours; a part that held a colon is several."""
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    kind, *parts = text.removeprefix(f"{PREFIX}:").split(":")
    return kind, parts


def holding(client: redis.Redis, *parts: str) -> Iterator[bytes]:
    """Yield our keys that have all these parts, which dots may go on from, by a look at all keys; raises
    redis.RedisError."""
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", PREFIX) + f":*{parts[0]}*"
    for raw in cast("Iterator[bytes]", client.scan_iter(pattern, count=1000)):
        held = split(raw)[1]
        if all(any(each == part or each.startswith(f"{part}.") for each in held) for part in parts):
            yield raw
