"""What became of a library's files, told without flattery: the table at the end and failures.jsonl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from recommender.catalogue import jsonl
from recommender.library.changes import Changes
from recommender.library.scanning import HERE
from recommender.spelling import count, shown

FAILURES = "failures.jsonl"
LEADS_OUT = "leads-out"
SKIPPED_CODES = frozenset({"silent", "too-short", LEADS_OUT})
"""Nothing is wrong with such a file: there is nothing in it to find, or it is left out on purpose."""
UNREADABLE = "unreadable"
MISSING = "missing"
INCOMPLETE = "incomplete"
INDEXED_CODES = frozenset({MISSING, INCOMPLETE})
"""Such a file is in the catalogue all the same."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that is not in the catalogue though it should be, or not as it should be: path, code and the sentence that
    says why."""

    path: str
    code: str
    cause: str


@dataclass(slots=True)
class Report:
    """The end of a build. changes: since the last one; embedded: files embedded in this run; other: files that are no
    audio, by suffix; excluded: files and folders that are not wanted; unprojected: whether the catalogue was written
    without the projection that its embedder has."""

    indexed: int = 0
    copies: int = 0
    recordings: int = 0
    clips: int = 0
    seconds: float = 0.0
    embedded: int = 0
    embedded_seconds: float = 0.0
    took: float = 0.0
    written: bool = False
    unprojected: bool = False
    failures: list[Failure] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)
    excluded: Sequence[str] = ()
    changes: Changes = field(default_factory=lambda: Changes({}))

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
            "new": self.changes.new,
            "changed": self.changes.changed,
            "moved": self.changes.moved,
            "removed": self.changes.removed,
            "missing": len(self.changes.missing),
            "out_of_reach": len(self.changes.unseen),
            "incomplete": self._incomplete(),
            "excluded": len(self.excluded),
            "skipped": dict(self._codes(skipped=True)),
            "failed": dict(self._codes(skipped=False)),
            "other": dict(self.other),
        }

    def table(self) -> str:
        """Return the report for people."""
        skipped, failed = self._codes(skipped=True), self._codes(skipped=False)
        changes, unseen, missing = self.changes, len(self.changes.unseen), len(self.changes.missing)
        rows = [
            ("indexed", self.indexed, f"{_hours(self.seconds)} of audio, {count(self.clips, 'clip')}"),
            ("  new", changes.new, ""),
            ("  changed", changes.changed, ""),
            ("  moved", changes.moved, ""),
            ("  out of reach", unseen, "kept as they were: their folders cannot be read"),
            ("  missing", missing, "kept as they were: is a disk away? --remove-missing lets them go"),
            ("  incomplete", self._incomplete(), "a part of their sound is missing"),
            ("  copies", self.copies, "other files of the same recordings: shown as one result"),
            ("embedded", self.embedded, self._speed()),
            ("removed", changes.removed, ""),
            ("skipped", sum(skipped.values()), _listed(skipped)),
            ("failed", sum(failed.values()), _listed(failed)),
            ("excluded", len(self.excluded), _listed(Counter(PurePosixPath(path).name for path in self.excluded))),
            ("not audio", sum(self.other.values()), _listed(self.other, 6)),
        ]
        told = [row for row in rows if row[1] or row[0] in {"indexed", "failed"}]
        width = max(len(name) for name, _, _ in told)
        return "\n".join(f"{name:<{width}}  {number:>7,}  {why}".rstrip() for name, number, why in told)

    def _codes(self, skipped: bool) -> Counter[str]:
        told = (failure.code for failure in self.failures if failure.code not in INDEXED_CODES)
        return Counter(code for code in told if (code in SKIPPED_CODES) == skipped)

    def _incomplete(self) -> int:
        return sum(failure.code == INCOMPLETE for failure in self.failures)

    def _speed(self) -> str:
        if not self.embedded_seconds or not self.took:
            return ""
        copies = ", copies included," if self.embedded_seconds > self.seconds else ""
        return f"{_hours(self.embedded_seconds)} of audio{copies} at {self.embedded_seconds / self.took:.0f}x real time"

    def warnings(self) -> list[str]:
        """Return what people should know at once: folders that cannot be read, files that are missing, vectors that
        lack their projection."""
        folders = [f for f in self.failures if f.code == UNREADABLE and (f.path == HERE or f.path.endswith("/"))]
        lines = [f"{shown(folder.path)}: {folder.cause}" for folder in folders]
        if missing := len(self.changes.missing):
            lines.append(
                f"{count(missing, 'file')} of this library cannot be found, such as {shown(self.changes.missing[0])}. "
                "They stay indexed: bring their disk back, or let them go with --remove-missing."
            )
        if self.unprojected:
            lines.append(
                "The embedder's weights are not on this machine, so that clip vectors are kept whole: they take four "
                "times the room and find nearly as well. Build where the weights are (`make install ROLE=embedder`, or "
                "--weights) for the usual ones."
            )
        return lines


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
