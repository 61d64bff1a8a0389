"""What became of a library's files, told without flattery: the table at the end and failures.jsonl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recommender.catalogue.local import jsonl

FAILURES = "failures.jsonl"
LEADS_OUT = "leads-out"
SKIPPED_CODES = frozenset({"silent", "too-short", LEADS_OUT})
"""Nothing is wrong with such a file: there is nothing in it to find, or it is left out on purpose."""
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that is not in the catalogue though it should be sound: path, code and the sentence that says why."""

    path: str
    code: str
    cause: str


@dataclass(slots=True)
class Report:
    """The end of a build. embedded: files embedded in this run; other: files that are no audio, by suffix."""

    indexed: int = 0
    copies: int = 0
    recordings: int = 0
    clips: int = 0
    seconds: float = 0.0
    embedded: int = 0
    embedded_seconds: float = 0.0
    took: float = 0.0
    written: bool = False
    failures: list[Failure] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "indexed": self.indexed,
            "recordings": self.recordings,
            "copies": self.copies,
            "clips": self.clips,
            "seconds": round(self.seconds, 3),
            "heard": self.embedded,
            "heard_seconds": round(self.embedded_seconds, 3),
            "took_seconds": round(self.took, 3),
            "written": self.written,
            "skipped": dict(self._codes(skipped=True)),
            "failed": dict(self._codes(skipped=False)),
            "other": dict(self.other),
        }

    def table(self) -> str:
        """Return the report for people."""
        skipped, failed = self._codes(skipped=True), self._codes(skipped=False)
        rows = [
            ("indexed", self.indexed, f"{_hours(self.seconds)} of audio, {self.clips} clips"),
            ("  of these new", self.embedded, self._speed()),
            ("  of these copies", self.copies, "other files of the same recordings: shown as one result"),
            ("skipped", sum(skipped.values()), _listed(skipped)),
            ("failed", sum(failed.values()), _listed(failed)),
            ("not audio", sum(self.other.values()), _listed(self.other, 6)),
        ]
        shown = [row for row in rows if row[1] or row[0] in {"indexed", "failed"}]
        width = max(len(name) for name, _, _ in shown)
        return "\n".join(f"{name:<{width}}  {count:>7,}  {why}".rstrip() for name, count, why in shown)

    def _codes(self, skipped: bool) -> Counter[str]:
        return Counter(f.code for f in self.failures if (f.code in SKIPPED_CODES) == skipped)

    def _speed(self) -> str:
        if not self.embedded_seconds or not self.took:
            return ""
        return f"{_hours(self.embedded_seconds)} embedded at {self.embedded_seconds / self.took:.0f} times real time"


def write_failures(folder: Path, failures: Iterable[Failure]) -> None:
    """Write failures.jsonl into a folder, as a whole: one JSON object a line."""
    jsonl.rewrite(folder / FAILURES, map(asdict, failures))


def _hours(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _listed(counts: Counter[str], limit: int = 9) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(limit))
    return f"{shown}, …" if len(counts) > limit else shown
