"""Uploads: audio that people bring, known by its hash and remembered by its embedding alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recommender.audio.preparation import PLAIN
from recommender.embedders import Frames
from recommender.vectors import Window, windows

_TERM = re.compile(r"audio:([0-9a-f]{64})")
_LABELS = re.compile(r"labels:[^;=]+=[01]\.\d\d(?:;[^;=]+=[01]\.\d\d){0,19}")
_LABEL = re.compile(r";?([^;=]+)=([01]\.\d\d)")


@dataclass(frozen=True, slots=True)
class Upload:
    """An audio file that was embedded. sha256: of the file's bytes, hex; seconds: length of its audio.

    preparation: what was done to it before. cuts: its windows, with their rows among the frames; by the rows' places in
    time where None. labels: with their scores, where no embedder of the catalogue's space was there, and what another
    calls it is compared. incomplete: a sentence where a part of the file could not be read.
    """

    sha256: str
    seconds: float
    frames: Frames
    preparation: str = PLAIN
    cuts: tuple[Window, ...] | None = None
    labels: tuple[tuple[str, float], ...] = ()
    incomplete: str = ""

    @property
    def windows(self) -> Sequence[Window]:
        """The parts that are compared."""
        if self.cuts is not None:
            return self.cuts
        return windows(len(self.frames.vectors), self.frames.hop, self.seconds)

    @property
    def query(self) -> str:
        """The term that names this upload in a query: for as long as the cache remembers it, or by its labels."""
        if self.labels:
            return "labels:" + ";".join(f"{name}={score:.2f}" for name, score in self.labels)
        return f"audio:{self.sha256}"


def labels_of_term(text: str) -> tuple[tuple[str, float], ...]:
    """Return the labels and scores of an upload that a term tells of, none for any other term."""
    return (
        tuple((name, float(score)) for name, score in _LABEL.findall(text.removeprefix("labels:")))
        if _LABELS.fullmatch(text)
        else ()
    )


def sha256_of_term(text: str) -> str | None:
    """Return the hash of the upload that a term names, None where it names none."""
    match = _TERM.fullmatch(text)
    return match.group(1) if match else None
