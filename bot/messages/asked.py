"""What was asked, as an answer repeats it: the terms, the filters, and what words were taken for."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.block_kit import bold, link, plain
from bot.messages.results import LABEL_CHARS, SHOWN_LABELS, Detail
from bot.questions import Question
from recommender.answers import WAY, Answer, Understood
from recommender.catalogue.filters import OR
from recommender.catalogue.measures import as_asked
from recommender.errors import BadQuery
from recommender.query import Query, Term, parse
from recommender.uploads import labels_of_term, sha256_of_term

SHARED_LABELS = 3
"""Labels that "Only these labels" filters by: more describe nothing any more."""
NAME_CHARS = 80
TERMS_SHOWN = 5


def heading(found: Answer, question: Question, detail: Detail) -> str:
    """Return the first line: what the results are like."""
    if found.ranked_by == WAY:
        return f"*A way from* {_asked(found, question, detail)}"
    how = "for" if found.ranked_by == "words" else "like"
    return f"*{'More' if question.skip else 'Clips'} {how}* {_asked(found, question, detail)}"


def _asked(found: Answer, question: Question, detail: Detail) -> str:
    """What was asked: the terms in the order they were typed, clips with their title and link."""
    asked = _parsed(found.query or question.query)
    sides = (asked.terms, asked.to) if asked.to else (asked.terms,)
    return " *to* ".join(_spoken(side, found, question, detail) for side in sides) or plain(question.query, NAME_CHARS)


def _spoken(terms: Sequence[Term], found: Answer, question: Question, detail: Detail) -> str:
    spoken: list[str] = []
    seeds = {clip.clip_id: clip for clip in found.seeds} | {clip.source: clip for clip in found.seeds}
    for term in terms[:TERMS_SHOWN]:
        clip = seeds.get(term.text)
        if clip is not None:
            shown = link(clip.url, clip.title, detail.title, detail.url)
        elif sha256_of_term(term.text) is not None or labels_of_term(term.text):
            shown = bold(question.name, NAME_CHARS) or "your upload"
        else:
            shown = plain(term.text, NAME_CHARS)
        spoken.append(f", {'more' if term.sign > 0 else 'less'} like {shown}" if spoken else shown)
    if len(terms) > TERMS_SHOWN:
        spoken.append(f" and {len(terms) - TERMS_SHOWN} more")
    return "".join(spoken)


def _parsed(query: str) -> Query:
    """Read a canonical query; what does not parse is shown as it is."""
    try:
        return parse(query)
    except BadQuery:
        return Query((Term(1, query),))


def filter_lines(question: Question) -> list[str]:
    """Return a line for each kind of filter."""
    lines = []
    if question.only:
        groups = (plain(group.replace(OR, " or "), 2 * LABEL_CHARS) for group in question.only[:SHOWN_LABELS])
        lines.append("Only " + ", and ".join(groups))
    if question.without:
        lines.append("Without " + ", ".join(plain(label, LABEL_CHARS) for label in question.without[:SHOWN_LABELS]))
    if question.within:
        lines.append("In " + " and ".join(plain(name, LABEL_CHARS) for name in question.within[:SHOWN_LABELS]))
    if question.longer:
        lines.append(f"Longer than {question.longer:g} s")
    if question.shorter:
        lines.append(f"Shorter than {question.shorter:g} s")
    if question.told:
        lines.append("With " + as_asked(question.told))
    return lines


def meant(understood: Understood) -> str:
    """Return what words were taken for, or that they were not."""
    text = plain(understood.text, NAME_CHARS) or "Your upload"
    how = "" if understood.by_meaning else " (by spelling: the text encoder does not answer just now)"
    if understood.labels:
        names = ", ".join(plain(name, LABEL_CHARS) for name, _ in understood.labels[:SHARED_LABELS])
        both = " together" if understood.together else ""
        return f"{text}: {names}{both}{how}"
    if understood.near:
        return f"{text}: no label means it; the nearest are {', '.join(plain(n, LABEL_CHARS) for n in understood.near)}"
    return f"{text}: found by name alone{how}"
