"""What people type: one clip, several combined as `A + B - C`, or a way, `A to B`."""

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

_OPERATOR = re.compile(r"(?:\s*,)?\s+([+-]|without)\s+", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?!")')
_TO = re.compile(r'"(?:[^"]|"")*"|\s+to\s+', re.IGNORECASE)
_FROM = re.compile(r"(?:(?:a|the) )?(?:way )?from\s+", re.IGNORECASE)
_NO_WORDS = re.compile(r"#\d+|https?://\S+|audio:[0-9a-f]{64}|(?=\D*\d)[\w-]{11}(?:_\d+)?", re.ASCII)
"""Terms that nobody writes by chance."""
_ITEM_TERM = re.compile(r"(?:^|\s[+-]\s+)#\d+(?=\s+[+-]\s|$)", re.ASCII)
"""A term that is a clip's number, which no name of a file has for itself: "#1 - #32" asks for no "1-32318.wav"."""

Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """A clip, an upload or words: see `recommender.search.terms`. sign: +1 for more like it, -1 for less."""

    sign: int
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; `str()` is its canonical text, which parses to the same query. to: where a way leads that
    begins at the terms, none for what is no way."""

    terms: tuple[Term, ...]
    to: tuple[Term, ...] = ()

    def __str__(self) -> str:
        if self.to:
            return f"{_signed(self.terms, always=True)} to {_signed(self.to, always=True)}"
        text = _signed(self.terms)
        return text if _way(text, None) is None else _signed(self.terms, always=True)


def _signed(terms: tuple[Term, ...], *, always: bool = False) -> str:
    first, *others = terms
    parts = [_quoted(first.text, always=always)]
    parts += [f"{'+' if term.sign > 0 else '-'} {_quoted(term.text, always=always)}" for term in others]
    return " ".join(parts)


def parse(text: str, known: Known | None = None, whole: Known | None = None) -> Query:
    """Read a query; raises `BadQuery`.

    " + ", " - " and " without " separate terms unless they stand within double quotes, where a quotation mark is
    written twice, or `known` (or `whole`, which is asked of the whole text alone, and not where a term is `#item` or
    stands twice) says that the whole text is the name of a clip. Commas before a sign and at the end are no part of a
    term. " to " makes a way where "from" stands before it, or `known` knows both ends, or one is quoted, a link or
    `#item`: else it is a word like others, as in "door to the sea". YouTube links become video ids.
    """
    text = text.strip()
    if not text:
        raise BadQuery("There is no query: give a clip id, such as 1OU19ANx4fg.")
    if not is_text(text):
        raise BadQuery("The query is not valid UTF-8: type it again.")
    if len(text) > MAX_CHARACTERS:
        raise BadQuery(f"The query is longer than {MAX_CHARACTERS} characters: combine fewer clips.")
    terms = _OPERATOR.split(text.casefold())[::2]
    if _ITEM_TERM.search(text) or len(set(terms)) < len(terms):
        whole = None
    if any(says is not None and says(text) for says in (known, whole)):
        return Query((Term(1, text),))
    return _way(text, known) or Query(_combined(text))


def _way(text: str, known: Known | None) -> Query | None:
    """Return the way that a text asks for, None where it asks for none."""
    begun = _FROM.match(text)
    text = text[begun.end() :] if begun else text
    for operator in _TO.finditer(text):
        start, end = text[: operator.start()].strip(), text[operator.end() :].strip()
        if operator[0].startswith('"') or not start or not end:
            continue
        sides = start, end
        if begun or any(_is_marked(side) for side in sides) or all(_is_known(side, known) for side in sides):
            return Query(*(_combined(side, known) for side in sides))
    return None


def _is_marked(side: str) -> bool:
    """Whether each term of a side is quoted, or of a kind that nobody writes by chance."""
    return _all_terms(side, lambda term: _NO_WORDS.fullmatch(term) is not None)


def _is_known(side: str, known: Known | None) -> bool:
    return known is not None and (
        known(side) or _all_terms(side, lambda term: known(term) or _NO_WORDS.fullmatch(term) is not None)
    )


def _all_terms(side: str, says: Known) -> bool:
    rest, operator = side, "+"
    while operator:
        quoted = rest.startswith('"')
        try:
            term, operator, rest = _next_term(rest)
        except BadQuery:
            return False
        if not quoted and not says(term.strip()):
            return False
    return True


def _combined(text: str, known: Known | None = None) -> tuple[Term, ...]:
    if known is not None and known(text):
        return (Term(1, text),)
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
    return tuple(terms)


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
        term = text[: operator.start()] if operator else text.rstrip(" ,")
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


def _quoted(text: str, *, always: bool) -> str:
    if not always and not _OPERATOR.search(text) and not text.startswith('"') and not text.endswith(","):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
