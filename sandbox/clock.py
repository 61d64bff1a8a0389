"""Slack's identifiers: message timestamps that never repeat, and ids."""

from __future__ import annotations

import itertools
import time

_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Clock:
    """Makes timestamps like `1700000000.000100`, strictly increasing and of one width, so that they sort as text."""

    def __init__(self) -> None:
        self._last = 0

    def ts(self) -> str:
        """The next timestamp."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


class Ids:
    """Makes ids with a prefix, unique for the life of the process and across restarts within reason."""

    def __init__(self) -> None:
        self._numbers = itertools.count(time.time_ns() // 1000)

    def new(self, prefix: str) -> str:
        """The next id, such as `F0ABC123`."""
        number, digits = next(self._numbers), ""
        while number:
            number, digit = divmod(number, 36)
            digits = _BASE36[digit] + digits
        return f"{prefix}0{digits}"
