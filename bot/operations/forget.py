"""What is remembered of a person, or of a workspace, and how it is removed."""

from __future__ import annotations

import re
from contextlib import suppress

import redis

from bot.queue.dead_letters import DeadLetters
from bot.queue.tasks import RedisQueue
from recommender import redis_keys
from recommender.catalogue import locations, read_facts
from recommender.errors import BadQuery, NoCatalogue
from recommender.library.additions import forget_person

_PERSON = re.compile(r"[UW][A-Z0-9]{2,30}")
_WORKSPACE = re.compile(r"[TE][A-Z0-9]{2,30}")


def forget(
    client: redis.Redis, queue: RedisQueue, catalogue: str | None, person: str, workspace: str = ""
) -> dict[str, int]:
    """Remove all that names a person: last questions, counts of limits, marks, dead letters, and their name from what
    they added to the library of the catalogue; returns how many of each. workspace: the id of theirs, where there are
    many.

    Uploads are remembered by their content's hash and under no name. Raises `BadQuery` for what is no user id, and
    redis.RedisError; also `CatalogueDamaged`, once Redis is clean, where the catalogue does not tell its library.
    """
    if not _PERSON.fullmatch(person):
        raise BadQuery("A person is named by Slack's user id, such as U012AB3CD: copy it from their profile in Slack.")
    names = 0
    try:
        # First, since it may fail: what is in Redis would end by itself, the name in the library would not.
        name = f"{workspace}/{person}" if workspace else person
        names = _forget_in_library(catalogue, name) if catalogue is not None else 0
    finally:
        removed = _forget_in_redis(client, *filter(None, (person, workspace)))
        removed["dead letters"] = DeadLetters(queue).forget(person, workspace)
    removed["names of who added a sound"] = names
    return {kind: count for kind, count in removed.items() if count}


def forget_workspace(client: redis.Redis, queue: RedisQueue, workspace: str) -> dict[str, int]:
    """Remove all that is kept of a workspace in Redis, its channels' settings included; returns how many of each.

    Its installation, and what its people added to the library, are not touched. Raises `BadQuery` for what is no id of
    a workspace, and redis.RedisError.
    """
    if not _WORKSPACE.fullmatch(workspace):
        raise BadQuery("A workspace is named by Slack's id, such as T012AB3CD, an organisation by E012AB3CD.")
    removed = _forget_in_redis(client, workspace)
    removed["dead letters"] = DeadLetters(queue).forget(workspace=workspace)
    return {kind: count for kind, count in removed.items() if count}


def _forget_in_library(catalogue: str, person: str) -> int:
    names = 0
    for location in locations(catalogue):
        with suppress(NoCatalogue):
            names += forget_person(read_facts(location), person)
    return names


def _forget_in_redis(client: redis.Redis, *parts: str) -> dict[str, int]:
    kinds = {"history": "last questions", "limit": "counts", "manner": "settings of channels"}
    removed: dict[str, int] = {}
    for key in redis_keys.holding(client, *parts):
        kind = kinds.get(redis_keys.split(key)[0], "marks")
        removed[kind] = removed.get(kind, 0) + int(client.delete(key))
    return removed
