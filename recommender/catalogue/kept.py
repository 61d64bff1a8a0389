"""The last things that were looked up."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Keeps at most so many values, and lets go of those that were kept first. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return a value that is kept, None where it is not."""
        return self._values.get(key)

    def keep(self, key: Key, value: Value) -> Value:
        """Keep a value, and return it."""
        self._values[key] = value
        while len(self._values) > self._most:
            with suppress(KeyError):  # another thread may have been first
                self._values.popitem(last=False)
        return value
