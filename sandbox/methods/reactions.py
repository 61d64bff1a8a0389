"""reactions.*."""

from __future__ import annotations

import re
from typing import Any

from sandbox import names
from sandbox.errors import SlackRefusal
from sandbox.methods.lookups import channel_of, message_of
from sandbox.methods.web_api import Api, method

Json = dict[str, Any]

_NAME = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


@method("reactions.add", "reactions:write")
def add(api: Api, arguments: Json) -> Json:
    message, name = _target(api, arguments)
    reactions = message.setdefault("reactions", [])
    reaction = next((r for r in reactions if r["name"] == name), None)
    if reaction is None:
        reaction = {"name": name, "users": [], "count": 0}
        reactions.append(reaction)
    if names.BOT in reaction["users"]:
        raise SlackRefusal("already_reacted")
    reaction["users"].append(names.BOT)
    reaction["count"] += 1
    api.workspace.update(message)
    return {}


@method("reactions.remove", "reactions:write")
def remove(api: Api, arguments: Json) -> Json:
    message, name = _target(api, arguments)
    reactions = message.get("reactions", [])
    reaction = next((r for r in reactions if r["name"] == name and names.BOT in r["users"]), None)
    if reaction is None:
        raise SlackRefusal("no_reaction")
    reaction["users"].remove(names.BOT)
    reaction["count"] -= 1
    if not reaction["count"]:
        reactions.remove(reaction)
    api.workspace.update(message)
    return {}


def _target(api: Api, arguments: Json) -> tuple[Json, str]:
    channel = channel_of(api, arguments)
    message = message_of(channel, arguments.get("timestamp"))
    name = arguments.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SlackRefusal("invalid_name")
    return message, name
