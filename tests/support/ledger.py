"""Counts what people asked and what they were answered, under one fault."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recommender.audio.wav import wav_bytes
from sandbox.client.driver import Driver, direct_message, text_of
from tests.support.audio import melody, pcm16

Json = dict[str, Any]

PEOPLE = 12
LINGER_SECONDS = 1.2
"""How long nothing may pass before the answers are counted: a second answer would come within it."""
SETTLE_SECONDS = 60.0
SOUND_SECONDS = 1.2
FILE = re.compile(r"sound(\d+)x")
ANSWER = "Clips like"
_numbers = itertools.count(int(time.time()) % 10_000 * 1000)


@dataclass
class Row:
    """One line of the table; longest: seconds from question to last word."""

    fault: str
    sent: int = 0
    once: int = 0
    lost: int = 0
    doubled: int = 0
    longest: float = 0.0


@dataclass
class Ledger:
    """What was asked under one fault. people: so many share the uploads, each in their direct messages."""

    fault: str
    driver: Driver
    folder: Path
    people: int = PEOPLE
    uploads: dict[int, Json] = field(default_factory=dict)
    commands: Counter[str] = field(default_factory=Counter)
    typed: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.time)

    def upload(
        self,
        count: int = 1,
        *,
        channel: str = "",
        path: Path | None = None,
        thread_ts: str | None = None,
        comment: str = "",
    ) -> list[Json]:
        """Send so many files, each a sound of its own, or all with the content of `path`; returns the messages."""
        sent = []
        for _ in range(count):
            number = next(_numbers)
            user = f"USOAK{number % self.people}"
            if not channel:
                self.driver.add_user(user)
            file = self.folder / f"sound{number}x.wav"
            file.write_bytes(path.read_bytes() if path else sound(number))
            place = channel or direct_message(user)
            message = self.driver.upload(place, file, comment, user=user, thread_ts=thread_ts)
            file.unlink()
            self.uploads[number] = message
            sent.append(message)
        return sent

    def command(self, text: str, user: str) -> Json:
        """Type a command; one that Slack saw unacknowledged was not accepted, though it may be answered."""
        outcome = self.driver.command(text, user=user)
        self.typed[user] += 1
        if outcome["acked"]:
            self.commands[user] += 1
            self.waits.append(outcome["ms"] / 1000)
        return outcome

    def replies(self) -> dict[int, list[Json]]:
        """All messages of the bot about the files that were sent, by file."""
        found: dict[int, list[Json]] = {number: [] for number in self.uploads}
        for channel in {message["channel"] for message in self.uploads.values()}:
            for message in self.driver.messages(channel):
                number = FILE.search(text_of(message))
                if message.get("bot_id") and number and int(number.group(1)) in found:
                    found[int(number.group(1))].append(message)
        return found

    def settle(self, timeout: float = SETTLE_SECONDS) -> Row:
        """Wait until all is answered and nothing more comes, and count."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if all(any(final(message) for message in messages) for messages in self.replies().values()):
                break
            time.sleep(0.25)
        self.driver.wait_quiet(LINGER_SECONDS, timeout=30)
        return self.count()

    def count(self) -> Row:
        """Count now."""
        row = Row(self.fault, sent=len(self.uploads) + sum(self.commands.values()), longest=max(self.waits, default=0))
        for number, messages in self.replies().items():
            done = [message for message in messages if final(message)]
            row.lost += not done
            row.doubled += len(messages) > 1
            row.once += len(done) == 1 == len(messages)
            asked = float(self.uploads[number]["ts"])
            for message in done:
                row.longest = max(row.longest, float(message.get("edited", message)["ts"]) - asked)
        for user, count in self.commands.items():
            got = sum(float(message["ts"]) >= self.began for message in self.driver.ephemerals(user))
            row.lost += max(0, count - got)
            row.doubled += max(0, got - self.typed[user])
            row.once += min(count, got)
        return row

    def texts(self) -> list[str]:
        """The last words on the files."""
        return [text_of(message) for messages in self.replies().values() for message in messages]


def final(message: Json) -> bool:
    """Whether a message is the last word, and no placeholder."""
    return not text_of(message).startswith("Listening to")


def sound(seed: int, seconds: float = SOUND_SECONDS) -> bytes:
    """A WAV file that is like no other."""
    rate = 16_000
    random = np.random.default_rng(seed)
    pcm = pcm16(melody(seconds, rate, seed=seed % 7))
    pcm[: rate // 10] += random.integers(-500, 500, rate // 10).astype(np.int16)
    return wav_bytes(pcm)


def table(rows: list[Row]) -> str:
    """The rows, aligned."""
    width = max(len(row.fault) for row in rows)
    head = f"{'fault':<{width}}  {'sent':>6}  {'once':>6}  {'lost':>5}  {'doubled':>7}  {'longest wait':>12}"
    lines = [
        f"{row.fault:<{width}}  {row.sent:>6}  {row.once:>6}  {row.lost:>5}  {row.doubled:>7}  {row.longest:>10.1f} s"
        for row in rows
    ]
    return "\n".join([head, *lines])


def require_once(row: Row) -> None:
    """Fail unless all was answered exactly once."""
    assert (row.lost, row.doubled, row.once) == (0, 0, row.sent), row
