"""`/livez`, `/readyz` and `/healthz`, answered within half a second whatever is frozen.

livez: this process answers, 200. readyz: 200 where everything works without which it can answer nobody, else 503.
healthz: all parts with reasons; `ready` and `degraded` are 200, `down` is 503.

Each part is looked at in a thread of its own; a probe waits `WAIT_SECONDS` for it, and takes a look that does not end
for what it is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

WAIT_SECONDS = 0.3
LIVE, READY, HEALTH = "/livez", "/readyz", "/healthz"
PROBES = frozenset({LIVE, READY, HEALTH})

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Look(Generic[T]):
    """Something that is looked up in a thread, once at a time, and may hang. patience: seconds for which a look may
    take longer than a probe waits, and the last one stands; fresh: seconds for which a look is not repeated."""

    def __init__(self, call: Callable[[], T], *, patience: float = 0.0, fresh: float = 0.0) -> None:
        self._call = call
        self._patience = patience
        self._fresh = fresh
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._done.set()
        self._began = 0.0
        self._ended = -float("inf")
        self._value: T | None = None

    def start(self) -> None:
        """Look, unless somebody does, or just did."""
        with self._lock:
            if not self._done.is_set() or time.monotonic() - self._ended < self._fresh:
                return
            self._done.clear()
            self._began = time.monotonic()
        threading.Thread(target=self._run, name="look", daemon=True).start()

    def value(self, until: float) -> T | None:
        """Wait till then, by the monotonic clock, for the look that was started; return what it found, or None where
        it hangs or failed."""
        if not self._done.wait(max(0.0, min(until, self._began + self._patience + WAIT_SECONDS) - time.monotonic())):
            return self._value if time.monotonic() - self._began < self._patience else None
        return self._value

    def hangs(self) -> float:
        """Seconds for which a look that has not ended has been going on, 0 where none is."""
        return 0.0 if self._done.is_set() else time.monotonic() - self._began

    def _run(self) -> None:
        value: T | None = None
        try:
            value = self._call()
        except Exception:  # noqa: BLE001 - whatever it was, the part cannot be looked at
            _log.exception("a look at a part of this process failed")
        finally:
            self._value, self._ended = value, time.monotonic()
            self._done.set()


@dataclass(frozen=True, slots=True)
class State:
    """How a part fares. remark: what is wrong, or a fact worth showing."""

    works: bool
    remark: str = ""


class Part:
    """One thing that a process needs. needed: without it the process can answer nobody; otherwise it is degraded."""

    def __init__(
        self,
        name: str,
        look: Callable[[], State],
        *,
        needed: bool = False,
        patience: float = 0.0,
        fresh: float = 0.0,
    ) -> None:
        self.name = name
        self.needed = needed
        self.look = Look(look, patience=patience, fresh=fresh)

    def state(self, until: float) -> State:
        """Return what the look found that was started, waiting till then at the most."""
        found = self.look.value(until)
        if found is not None:
            return found
        seconds = self.look.hangs()
        return State(False, f"has not answered for {seconds:.1f} s" if seconds else "cannot be looked at: see the log")


class Probes:
    """Answers the probes of one process."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = tuple(parts)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON body for one of `PROBES`."""
        if path == LIVE:
            return 200, {"status": "alive"}
        return self._report([part for part in self._parts if part.needed or path == HEALTH])

    def all_states(self) -> dict[str, State]:
        """Look at all parts, for `WAIT_SECONDS` at the most."""
        return self.states(self._parts)

    def _report(self, parts: Sequence[Part]) -> tuple[int, dict[str, Any]]:
        states = self.states(parts)
        broken = [part for part in parts if not states[part.name].works]
        status = "ready" if not broken else "down" if any(part.needed for part in broken) else "degraded"
        body = {
            "status": status,
            "why": [f"{part.name}: {states[part.name].remark}" for part in broken],
            "checks": {name: {"works": state.works, "remark": state.remark} for name, state in states.items()},
        }
        return (503 if status == "down" else 200), body

    @staticmethod
    def states(parts: Iterable[Part]) -> dict[str, State]:
        """Look at parts, all at once, for `WAIT_SECONDS` at the most."""
        parts = tuple(parts)
        for part in parts:
            part.look.start()
        until = time.monotonic() + WAIT_SECONDS
        return {part.name: part.state(until) for part in parts}
