"""What people type: `TERM + TERM - TERM top N only LABEL or LABEL not LABEL longer 2s shorter 10s louder -20
tempo 90 120 key Am in NAME here`, and what buttons remember of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.plain_talk import KEYWORDS, changed, kind_of, unmarked, wish
from recommender.catalogue.filters import OR
from recommender.catalogue.measures import Bound, as_asked, bounds_in
from recommender.errors import BadQuery
from recommender.query import Query, Term
from recommender.query import parse as parse_query

DEFAULT_TOP = 10
MAX_TOP = 20
"""Results a message can hold: each takes two of Slack's 50 blocks."""
MAX_QUESTION_CHARS = 1000
"""Longer text is no question; it would not fit into the value of a button either."""

FILTERS_ALONE = "Name a clip or a sound before the filters, as in `1OU19ANx4fg only Jazz` or `rain not Speech`."

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_SECONDS = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)(?:s|sec|secs|seconds?)?")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the recommender. query: terms joined by " + " and " - "; skip: results to leave out at the
    top; only, without: label filters, several of `only` required together, `A|B` where either will do; name: what
    people call an upload, for the heading; file: its id in Slack; longer, shorter: bounds of length, in seconds;
    within: names of catalogues, where several are searched; left_out: ids of clips that somebody found not
    relevant; told: bounds of what files tell in numbers."""

    query: str
    top: int = DEFAULT_TOP
    skip: int = 0
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    name: str = ""
    file: str = ""
    longer: float = 0.0
    shorter: float = 0.0
    within: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    told: tuple[Bound, ...] = ()

    @property
    def bounds(self) -> dict[str, Any]:
        """What `Recommender.similar` is asked with, by name."""
        names = ("top", "skip", "only", "without", "longer", "within", "left_out", "told")
        bounds = {name: getattr(self, name) for name in names}
        return {**bounds, "shorter": self.shorter or math.inf}

    def steered(self, sign: str, clip_id: str) -> Question:
        """Return the question that also asks for more (`+`) or less (`-`) of a clip, from its first result on. Of a
        way, it becomes the question for that clip alone."""
        asked, term = parse_query(self.query), Term(1 if sign == "+" else -1, clip_id)
        terms = (term,) if asked.to else (*asked.terms, term)
        return replace(self, query=str(Query(terms)), skip=0)

    def leaving_out(self, clip_id: str) -> Question:
        """Return the question whose answer shows nothing of a clip's source."""
        # Without its start: it stands in ids of blocks, which are short.
        source = clip_id.rpartition("_")[0] or clip_id
        return replace(self, left_out=tuple(dict.fromkeys((*self.left_out, source))))

    def to_json(self) -> dict[str, Any]:
        """Return the question in few bytes: a button's value holds 2000 characters."""
        full = {
            "q": self.query,
            "t": self.top,
            "s": self.skip,
            "o": list(self.only),
            "n": list(self.without),
            "f": self.name,
            "i": self.file,
            "l": self.longer,
            "h": self.shorter,
            "w": list(self.within),
            "x": ",".join(self.left_out),
            "m": as_asked(self.told),
        }
        empty = {"t": DEFAULT_TOP, "s": 0, "o": [], "n": [], "l": 0.0, "h": 0.0, "w": [], **dict.fromkeys("fixm", "")}
        return {key: value for key, value in full.items() if empty.get(key) != value}

    @classmethod
    def from_json(cls, data: Any) -> Question:
        """Read what `to_json` returned; raises ValueError on anything else."""
        try:
            return cls(
                query=str(data["q"]),
                top=min(max(int(data.get("t", DEFAULT_TOP)), 1), MAX_TOP),
                skip=max(int(data.get("s", 0)), 0),
                only=tuple(str(label) for label in data.get("o", [])),
                without=tuple(str(label) for label in data.get("n", [])),
                name=str(data.get("f", "")),
                file=str(data.get("i", "")),
                longer=max(float(data.get("l", 0)), 0.0),
                shorter=max(float(data.get("h", 0)), 0.0),
                within=tuple(str(name) for name in data.get("w", [])),
                left_out=tuple(filter(None, str(data.get("x", "")).split(","))),
                told=bounds_in(str(data.get("m", "")))[1],
            )
        except (KeyError, TypeError, AttributeError, OverflowError, BadQuery) as error:
            raise ValueError(f"no question ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed. kind: `similar`, `random` (query may hold a label), `help`, `greeting`, `thanks`, `nothing`
    (query may hold terms for a file beside it, as "+ dark") or `wrong` (query says how it is done right); here: the
    answer is for the whole channel."""

    kind: str
    question: Question
    here: bool = False


def parse(text: str, *, beside_file: bool = False, talk: bool = False) -> Typed:
    """Read the text of a command or a mention; raises `BadQuery` that says how it is done right. beside_file: the text
    came with a file, so that filters alone make sense; talk: it may be plain talk."""
    if len(text) > MAX_QUESTION_CHARS:
        raise BadQuery(f"That is longer than {MAX_QUESTION_CHARS} characters: ask for fewer clips at a time.")
    text = unmarked(text)
    if talk:
        kind = kind_of(text)
        if kind is not None:
            return Typed(kind, Question(text.strip()))
        text = wish(text)
    text, told = bounds_in(text)
    words = list(_words(text))
    query = _until_keyword(words)
    more, here, question = _options(words)
    question = replace(question, query=" ".join(_raw(word) for word in [*query, *more]), told=told)
    change = changed(question.query) if talk else None
    if change is not None:
        question = replace(question, query=" ".join(filter(None, change)))
    first = question.query.split(maxsplit=1)
    if not first or (change and not change[0]):
        if question != Question("") and not beside_file:
            raise BadQuery(FILTERS_ALONE)
        return Typed("nothing", question, here)
    if question.query.lower() == "help":
        return Typed("help", question, here)
    if first[0].lower().rstrip(",") == "random":
        return Typed("random", replace(question, query=" ".join(first[1:])), here)
    return Typed("similar", question, here)


def placed(question: Question, names: Sequence[str]) -> Question:
    """Take `in NAME` at the end of a question's terms or labels as its filter by catalogue. names: of the catalogues
    there are; `in` before any other word is one of the words."""
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    quoted = rf'"?(?:{any_name})"?'
    pattern = re.compile(rf"(?:^|\s+)in\s+({quoted}(?:(?:\s*,\s*|\s+or\s+|\s+and\s+){quoted})*)$", re.IGNORECASE)
    named: list[str] = []

    def left_of(text: str) -> str:
        found = pattern.search(text)
        if found is not None:
            named.extend(re.findall(any_name, found[1], re.IGNORECASE))
        return text if found is None else text[: found.start()]

    def labels_left(labels: tuple[str, ...]) -> tuple[str, ...]:
        # A name in quotation marks is taken for a label of its own.
        joined = re.sub(r"\bin\n", "in ", "\n".join(labels))
        return tuple(filter(None, map(left_of, joined.split("\n"))))

    query, only, without = left_of(question.query), labels_left(question.only), labels_left(question.without)
    if not named:
        return question
    spelt = {name.casefold(): name for name in names}
    chosen = dict.fromkeys(spelt.get(name.casefold(), name) for name in (*question.within, *named))
    return replace(question, query=query, only=only, without=without, within=tuple(chosen))


def _words(text: str) -> Iterator[tuple[str, bool]]:
    for match in _WORD.finditer(text):
        quoted, bare = match.groups()
        yield (quoted, True) if bare is None else (bare, False)


def _raw(word: tuple[str, bool]) -> str:
    """Return a word of a query as it was typed: quotation marks hold names with signs together."""
    return f'"{word[0]}"' if word[1] else word[0]


def _options(words: list[tuple[str, bool]]) -> tuple[list[tuple[str, bool]], bool, Question]:
    only: list[str] = []
    without: list[str] = []
    top, here, rest = DEFAULT_TOP, False, list(words)
    bounds = {"longer": 0.0, "shorter": 0.0}
    query: list[tuple[str, bool]] = []
    while rest:
        keyword = rest.pop(0)[0].lower()
        if keyword == "here":
            here = True
            query += _until_keyword(rest)
        elif keyword == "top":
            top = _top(rest.pop(0)[0] if rest else "")
            query += _until_keyword(rest)
        elif keyword in bounds:
            bounds[keyword] = _seconds(keyword, rest)
            query += _until_keyword(rest)
        else:
            (only if keyword == "only" else without).extend(_labels(keyword, rest))
    longer, shorter = bounds["longer"], bounds["shorter"]
    question = Question("", top=top, only=tuple(only), without=tuple(without), longer=longer, shorter=shorter)
    return query, here, question


def _top(word: str) -> int:
    word = word.rstrip(",")
    if not re.fullmatch(r"[0-9]{1,4}", word) or not 1 <= int(word) <= MAX_TOP:
        raise BadQuery(f"After `top` comes a number from 1 to {MAX_TOP}, as in `top 5`.")
    return int(word)


def _seconds(keyword: str, rest: list[tuple[str, bool]]) -> float:
    if rest and rest[0][0].lower() == "than":
        rest.pop(0)
    match = _SECONDS.fullmatch(rest.pop(0)[0].lower().rstrip(",")) if rest else None
    if match is None or float(match[1]) <= 0:
        raise BadQuery(f"After `{keyword}` comes a length in seconds, as in `{keyword} 2s`.")
    if rest and rest[0][0].lower() in {"s", "sec", "seconds", "second"}:
        rest.pop(0)
    return float(match[1])


def _until_keyword(rest: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    taken = []
    while rest and (rest[0][1] or rest[0][0].lower() not in KEYWORDS):
        taken.append(rest.pop(0))
    return taken


def _labels(keyword: str, rest: list[tuple[str, bool]]) -> list[str]:
    """Take labels up to the next keyword. Labels of AudioSet hold spaces and commas ("Bass guitar", "Rain, storm"):
    unquoted words form one label; several are quoted, or follow a keyword each."""
    labels: list[str] = []
    open_label: list[str] = []
    either = False

    def add(label: str) -> None:
        nonlocal either
        if not label:
            return
        if either:
            labels[-1] += OR + label
        else:
            labels.append(label)
        either = False

    while rest and (rest[0][1] or rest[0][0].lower() not in KEYWORDS):
        word, quoted = rest.pop(0)
        if quoted:
            add(" ".join(open_label))
            open_label = []
            add(word.strip())
        elif word.lower() == "or" and (not open_label or (rest and rest[0][1])):
            add(" ".join(open_label))
            open_label, either = [], bool(labels)
        elif open_label or word != ",":
            open_label.append(word)
    add(" ".join(open_label))
    if not labels:
        raise BadQuery(f'After `{keyword}` comes a label, as in `{keyword} Jazz` or `{keyword} "Bass guitar"`.')
    return labels
