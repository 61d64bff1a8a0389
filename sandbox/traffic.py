"""What passes between sandbox and bot, for people who watch and tests that count."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

CAPACITY = 20_000
"""Entries that are remembered: the bursts of the load tests fit."""
SECRET_KEYS = frozenset({"token", "Authorization"})


class Traffic:
    """A bounded log; entries are dictionaries that are completed in place when an answer comes."""

    def __init__(self, on_change: Callable[[Json], None]) -> None:
        self._entries: deque[Json] = deque(maxlen=CAPACITY)
        self._next = 1
        self._on_change = on_change
        self.last_change = time.monotonic()
        self.waiting = 0

    def add(
        self,
        kind: str,
        name: str,
        *,
        request: Any = None,
        answer: Any = None,
        error: str = "",
        ms: float | None = None,
        attempt: int = 0,
    ) -> Json:
        """Note something that passed; an `error` makes it a refusal."""
        entry: Json = {
            "id": self._next,
            "time": round(time.time(), 4),
            "kind": kind,
            "name": name,
            "ok": not error,
            "error": error,
            "ms": None if ms is None else round(ms, 1),
            "attempt": attempt,
            "request": without_secrets(request),
            "answer": answer,
        }
        self._next += 1
        self._entries.append(entry)
        self._touch(entry)
        return entry

    def finish(self, entry: Json, *, ms: float, error: str = "", answer: Any = None) -> None:
        """Complete an entry that awaited an answer."""
        entry.update(ms=round(ms, 1), ok=not error, error=error, answer=answer)
        self._touch(entry)

    def entries(self, since: int = 0, kind: str = "", name: str = "") -> list[Json]:
        """Entries from number `since` on, of one kind and one name where these are named."""
        return [
            entry
            for entry in self._entries
            if entry["id"] >= since and kind in ("", entry["kind"]) and name in ("", entry["name"])
        ]

    def clear(self) -> None:
        """Forget all entries; numbers go on."""
        self._entries.clear()

    @property
    def quiet_seconds(self) -> float:
        """How long nothing has passed; 0 while an acknowledgement is awaited."""
        return 0.0 if self.waiting else time.monotonic() - self.last_change

    def _touch(self, entry: Json) -> None:
        self.last_change = time.monotonic()
        self._on_change(entry)


def without_secrets(value: Any) -> Any:
    """Return a request without its tokens, shallowly: tokens are top-level arguments."""
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if key not in SECRET_KEYS}
    return value
