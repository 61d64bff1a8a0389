"""What a misspelt name may have meant, and whether it is text at all."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz

SUGGESTIONS = 5
SUGGESTION_SCORE = 60.0
"""Of 100 by rapidfuzz: a spelling that is further off than this helps nobody."""


def closest(name: str, choices: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Give what a misspelt name may mean, out of pairs of that and one of its spellings; the closest first."""
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
