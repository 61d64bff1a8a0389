"""Probes answer whatever hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from recommender.service.probes import Look, Part, Probes, State


@pytest.fixture
def frozen() -> Iterator[Callable[[], State]]:
    """Looks that hang until the test is over."""
    end = threading.Event()
    yield lambda: State(end.wait(60))
    end.set()


def well() -> State:
    return State(True, "a fact")


def test_everything_works():
    probes = Probes([Part("a", well, needed=True), Part("b", well)])
    assert probes.answer("/livez") == (200, {"status": "alive"})
    status, body = probes.answer("/readyz")
    assert (status, body["status"], list(body["checks"])) == (200, "ready", ["a"])
    status, body = probes.answer("/healthz")
    assert (status, body["status"], body["why"]) == (200, "ready", [])
    assert body["checks"]["b"] == {"works": True, "remark": "a fact"}


def failing() -> State:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("needed", "ready", "status", "word"), [(True, 503, 503, "down"), (False, 200, 200, "degraded")]
)
def test_what_hangs_or_fails_is_told(frozen: Callable[[], State], needed: bool, ready: int, status: int, word: str):
    looks: dict[str, Callable[[], State]] = {"hangs": frozen, "breaks": failing, "broken": lambda: State(False, "away")}
    probes = Probes(Part(name, look, needed=needed) for name, look in looks.items())
    for _ in range(2):
        assert probes.answer("/readyz")[0] == ready
        got, body = probes.answer("/healthz")
        assert (got, body["status"]) == (status, word)
        why = dict(line.split(": ", 1) for line in body["why"])
        assert why["broken"] == "away" and "see the log" in why["breaks"] and "has not answered for" in why["hangs"]
    assert probes.answer("/livez")[0] == 200


def test_a_part_that_hangs_is_looked_at_by_one_thread(frozen: Callable[[], State]):
    calls: list[int] = []

    def look() -> State:
        calls.append(1)
        return frozen()

    probes = Probes([Part("hangs", look)])
    for _ in range(5):
        probes.answer("/healthz")
    assert calls == [1]


def test_a_look_with_patience_stands_while_the_next_one_takes_long():
    begun, end = threading.Event(), threading.Event()

    def look() -> int:
        if begun.is_set():
            end.wait(60)
        begun.set()
        return 1

    slow = Look(look, patience=60, fresh=0)
    slow.start()
    assert slow.value(float("inf")) == 1
    slow.start()
    assert slow.value(0) == 1 and slow.hangs() > 0
    end.set()


def test_a_look_is_not_repeated_while_it_is_fresh():
    calls: list[int] = []
    look = Look(lambda: calls.append(1), fresh=60)
    for _ in range(3):
        look.start()
        look.value(float("inf"))
    assert calls == [1]
