"""What people call AudioSet's labels in everyday words: a list of our own, a line for each label."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("everyday_words.tsv")


def phrases(labels: Iterable[str]) -> list[tuple[int, str]]:
    """Return what each label is called, as its place and a text: first its name, then its everyday words."""
    known = _everyday_words()
    return [(place, text) for place, label in enumerate(labels) for text in (label, *known.get(label.casefold(), ()))]


def google_names() -> tuple[str, ...]:
    """Return AudioSet's label names by class index, as Google numbers them."""
    return tuple(line.partition("\t")[0] for line in _FILE.read_text(encoding="utf-8").splitlines())


@cache
def _everyday_words() -> dict[str, tuple[str, ...]]:
    lines = (line.partition("\t") for line in _FILE.read_text(encoding="utf-8").splitlines())
    return {label.casefold(): tuple(words.split("; ")) for label, _, words in lines}
