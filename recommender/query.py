"""What people type: one clip, or several combined as `A + B - C`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from recommender.catalogue.links import video_moment
from recommender.errors import BadQuery
from recommender.spelling import is_text

MAX_TERMS = 20
MAX_CHARACTERS = 4000
"""Longer than any sensible combination, and more than a slash command carries comfortably."""

_OPERATOR = re.compile(r"\s+([+-])\s+")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?!")')


@dataclass(frozen=True, slots=True)
class Term:
    """A clip, an upload or words: see `recommender.search.terms`. sign: +1 for more like it, -1 for less."""

    sign: int
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; `str()` is its canonical text, which parses to the same query."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        first, *others = self.terms
        parts = [_quoted(first.text)]
        parts += [f"{'+' if term.sign > 0 else '-'} {_quoted(term.text)}" for term in others]
        return " ".join(parts)


def parse(text: str, known: Callable[[str], bool] | None = None) -> Query:
    """Read a query; raises `BadQuery`.

    " + " and " - " separate terms unless they stand within double quotes, where a quotation mark is written twice, or
    `known` says that the whole text is the name of a clip. YouTube links become video ids.
    """
    text = text.strip()
    if not text:
        raise BadQuery("There is no query: give a clip id, such as 1OU19ANx4fg.")
    if not is_text(text):
        raise BadQuery("The query is not valid UTF-8: type it again.")
    if len(text) > MAX_CHARACTERS:
        raise BadQuery(f"The query is longer than {MAX_CHARACTERS} characters: combine fewer clips.")
    if known is not None and known(text):
        return Query((Term(1, text),))
    return _combined(text)


def _combined(text: str) -> Query:
    terms: list[Term] = []
    sign, rest = 1, text
    while True:
        term, operator, rest = _next_term(rest)
        terms.append(Term(sign, _plain(term)))
        if len(terms) > MAX_TERMS:
            raise BadQuery(f"The query combines more than {MAX_TERMS} clips: combine fewer.")
        if not operator:
            break
        sign = 1 if operator == "+" else -1
    return Query(tuple(terms))


def _next_term(text: str) -> tuple[str, str, str]:
    """Split off the first term: the term, the operator behind it ("" at the end), and the rest."""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        if quoted is None:
            raise BadQuery('A quotation mark is left open: put one at both ends, as in "Artist - Title.wav".')
        operator = _OPERATOR.match(text, quoted.end())
        if operator is None and text[quoted.end() :].strip():
            raise BadQuery("Something follows a closing quotation mark: put + or - between two clips, with spaces.")
        term = quoted.group(1).replace('""', '"')
    else:
        operator = _OPERATOR.search(text)
        term = text[: operator.start()] if operator else text
    if not term.strip():
        raise BadQuery("A clip is missing beside a + or -: write A + B - C.")
    if operator is None:
        return term, "", ""
    return term, operator.group(1), text[operator.end() :]


def _plain(term: str) -> str:
    term = term.strip()
    if term in {"+", "-"} or term.startswith(("+ ", "- ")) or term.endswith((" +", " -")):
        raise BadQuery("A clip is missing beside a + or -: write A + B - C.")
    moment = video_moment(term)
    if moment is None:
        return term
    return moment.video_id if moment.seconds is None else f"https://youtu.be/{moment.video_id}?t={moment.seconds:g}"


def _quoted(text: str) -> str:
    if not _OPERATOR.search(text) and not text.startswith('"'):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
