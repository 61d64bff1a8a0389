"""How the sandbox says no."""

from __future__ import annotations

from typing import Any


class SlackRefusal(Exception):
    """A Web API answer with `ok: false`. error: Slack's code; status, headers: of the answer; more: further keys."""

    def __init__(self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = headers or {}
        self.more = more


class PersonRefusal(Exception):
    """What a person asked for cannot be done in this workspace."""


def reason(error: Exception) -> str:
    """What is wrong with a person's request, for whoever sent it."""
    return str(error) if isinstance(error, PersonRefusal) else f"{type(error).__name__}: {error}"


def invalid(error: str, problems: list[str]) -> SlackRefusal:
    """A refusal that lists problems as Slack lists them."""
    return SlackRefusal(
        error, errors=problems, response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]}
    )
