"""Reads what Slack sends, whatever it is: what is missing, null or of another type than Slack documents reads as empty,
and as `OddPayload` where nothing can be done without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.errors import OddPayload


def text(data: Any, *path: str) -> str:
    """Return the text at a path of keys, empty where there is none."""
    data = _at(data, path)
    return data.encode(errors="replace").decode() if isinstance(data, str) else ""  # no half of a surrogate pair


def need(data: Any, *path: str) -> str:
    """Return the text at a path of keys; raises `OddPayload` where there is none."""
    found = text(data, *path)
    if not found:
        raise OddPayload(
            f"Slack left out what I need to answer ({'.'.join(path)}): try again; if it stays, tell whoever "
            "installed me."
        )
    return found


def mapping(data: Any, *path: str) -> dict[str, Any]:
    """Return the object at a path of keys, an empty one where there is none."""
    found = _at(data, path)
    return found if isinstance(found, dict) else {}


def items(data: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path of keys, none where there is no list."""
    found = _at(data, path)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _at(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def team_of(body: Any) -> str:
    """Return the workspace that an event or an interaction comes from; where the app is installed for a whole
    organisation, interactions name no team but that of their person."""
    named = (("team_id",), ("team", "id"), ("user", "team_id"), ("context_team_id",))
    return next((found for path in named if (found := text(body, *path))), "")
