"""What a misspelt name may have meant, whether it is text at all, and how a terminal shows it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz

_HARMLESS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""They join emoji and letters, and move nothing."""
SUGGESTIONS = 5
SUGGESTION_SCORE = 60.0
"""Of 100 by rapidfuzz: a spelling that is further off than this helps nobody."""


def closest(name: str, choices: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return what a misspelt name may mean, out of pairs of that and one of its spellings; the closest first."""
    scores: dict[str, float] = {}
    for meant, spelling in sorted(choices):
        score = fuzz.ratio(name.casefold(), spelling.casefold(), score_cutoff=SUGGESTION_SCORE)
        if score:
            scores[meant] = max(scores.get(meant, 0.0), score)
    return tuple(sorted(scores, key=lambda meant: (-scores[meant], meant))[:SUGGESTIONS])


def is_text(name: str) -> bool:
    """Say whether a name is valid Unicode: bytes that are none come from the system as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """Return a name in one line that any terminal shows as it is: line ends, escape codes and signs that turn the
    direction of text are spelled as JSON and Python spell them."""
    return name if name.isprintable() else "".join(map(_shown, name))


def _shown(sign: str) -> str:
    if sign.isprintable() or sign in _HARMLESS or unicodedata.category(sign) == "Zs":
        return sign
    return json.dumps(sign)[1:-1]
