"""Running an iterator ahead in a thread."""

from __future__ import annotations

import threading
import time

import pytest

from recommender.sources.prefetch import ahead


def test_all_items_in_order():
    assert list(ahead(iter(range(1000)), 3)) == list(range(1000))
    assert list(ahead(iter([]), 3)) == []


def test_an_error_is_raised_after_what_came_before_it():
    def broken():
        yield 1
        raise ValueError("broken")

    found = ahead(broken(), 3)
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_it_runs_ahead_only_so_far():
    taken = []

    def counted():
        for number in range(100):
            taken.append(number)
            yield number

    found = ahead(counted(), 2)
    assert next(found) == 0
    deadline = time.monotonic() + 5
    while len(taken) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    # One is with the reader, two wait, and one is held by the thread until there is room.
    assert len(taken) == 4
    found.close()


def test_a_reader_that_leaves_takes_the_thread_along():
    before = threading.active_count()
    found = ahead(iter(range(1000)), 2)
    next(found)
    found.close()
    assert threading.active_count() == before
