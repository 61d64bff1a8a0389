"""`similar DIR QUERY …`: the clips most similar to a clip, an audio file, or a combination `A + B - C`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recommender.answers import Answer, Result
from recommender.catalogue.measures import bounds_in
from recommender.errors import BadQuery, SoundalikeError, UnknownClip
from recommender.library.additions import libraries_of
from recommender.query import Query, Term, parse
from recommender.recommender import Recommender
from recommender.search.answering import MAX_TOP
from recommender.search.listings import as_csv, as_m3u8
from recommender.settings import Settings, load
from recommender.spelling import shortened, shown

_SLACKS = re.compile(
    r"(?<=\s)(?:(?P<filter>top(?=\s+\d)|only|not)\s+[^\s\"]\S*|(?P<length>longer|shorter)\s+(?:than\s+)?\d\S*)(?=[^\"]*$)",
    re.IGNORECASE,
)
"""What begins a filter in Slack, outside of quotation marks."""
_OPERATORS = {"+", "-", "to"}
TABLE, CSV, M3U8, JSON = FORMATS = ("table", "csv", "m3u8", "json")


def register(subparsers: Any) -> None:
    """Add the command."""
    command = subparsers.add_parser("similar", help="find similar clips", description=__doc__)
    command.add_argument("catalogue", metavar="DIR", help="a folder, a URL, or several with commas between them")
    command.add_argument(
        "queries",
        nargs="+",
        metavar="QUERY",
        help="clip id, audio file, A + B - C, or A to B; - alone reads them from stdin",
    )
    command.add_argument("--top", type=_top, default=10, metavar="N", help=f"1 to {MAX_TOP}; default 10")
    command.add_argument(
        "--only",
        nargs="+",
        action="append",
        default=[],
        metavar="LABEL",
        help="clips with any of these; given again, with any of those as well",
    )
    command.add_argument(
        "--not",
        dest="without",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL",
        help="clips with none of these",
    )
    command.add_argument(
        "--in",
        dest="within",
        action="append",
        default=[],
        metavar="NAME",
        help="of several catalogues, this one alone; given again, that one as well",
    )
    formats = command.add_mutually_exclusive_group()
    formats.add_argument(
        "--format",
        choices=FORMATS,
        default=TABLE,
        help="table for people (the default); csv for spreadsheets; m3u8, a playlist of the files; json for programs",
    )
    formats.add_argument("--json", dest="format", action="store_const", const=JSON, help="the same as --format json")
    command.add_argument("--weights", type=Path, metavar="DIR", help="weights of an embedder that runs in this process")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    settings = load(Settings).model_copy(update={"catalogue": arguments.catalogue})
    if arguments.weights is not None:
        settings = settings.model_copy(update={"weights": arguments.weights})
    recommender = Recommender.open(settings)
    failed = False
    answers: list[tuple[str, Answer]] = []
    try:
        for text in _queries(arguments.queries):
            try:
                answer = _ask(recommender, text, arguments)
            except SoundalikeError as error:
                failed = True
                _show_error(text, error, arguments.format == JSON)
            else:
                if arguments.format in (TABLE, JSON):
                    _show(text, answer, arguments.format == JSON)
                else:
                    answers.append((text, answer))
        _write(answers, arguments.format, libraries_of(recommender.catalogue))
    finally:
        recommender.close()
    return 1 if failed else 0


def _write(answers: list[tuple[str, Answer]], form: str, roots: Mapping[str, Path]) -> None:
    """Write all answers as one file, where the format is that of a file."""
    if form == CSV:
        written = as_csv(answers, roots)
    elif form == M3U8:
        results = tuple(result for _, answer in answers for result in answer.results)
        written = as_m3u8(results, roots)
    else:
        return
    sys.stdout.buffer.write(written.encode(errors="surrogateescape"))  # names of files in any bytes
    sys.stdout.flush()


def _queries(given: Sequence[str]) -> Iterator[str]:
    """Return the queries: arguments around a lone +, - or `to` are one query, as in `A + B - C` without quotes."""
    waiting: list[str] = []
    for place, argument in enumerate(map(str.strip, given)):
        if argument == "-" and not waiting and place + 1 == len(given):
            yield from (line.strip() for line in sys.stdin if line.strip())
        elif argument in _OPERATORS or (waiting and waiting[-1] in _OPERATORS):
            waiting.append(argument)
        else:
            if waiting:
                yield " ".join(waiting)
            waiting = [argument]
    if waiting:
        yield " ".join(waiting)


def _ask(recommender: Recommender, text: str, arguments: argparse.Namespace) -> Answer:
    if not (recommender.catalogue.has(text) or _is_file(text) or recommender.catalogue.named(text, 1)):
        _refuse_filters(text)
    text, told = bounds_in(text)
    query = parse(text, lambda name: recommender.catalogue.has(name) or _is_file(name))
    ends = (tuple(_embedded(recommender, term) for term in terms) for terms in (query.terms, query.to))
    wanted = {name: getattr(arguments, name) for name in ("top", "only", "without", "within")}
    return recommender.similar(str(Query(*ends)), told=told, **wanted)


def _refuse_filters(text: str) -> None:
    """Raise `BadQuery` for what is a filter in Slack, and would be taken for words here."""
    if text.lower() == "random":
        raise BadQuery("A random clip is for Slack: here, name a clip, a file or words.")
    found = _SLACKS.search(text)
    if found is not None:
        name = (found["filter"] or found["length"]).lower()
        how = (
            f"it is an option here, --{name}, behind the query"
            if found["filter"]
            else "lengths are filters in Slack alone"
        )
        raise BadQuery(
            f"`{shortened(found[0])}` would be words: {how}. Quotation marks within the query keep it as words."
        )


def _embedded(recommender: Recommender, term: Term) -> Term:
    """Embed a term that is a file."""
    if recommender.catalogue.has(term.text):
        return term
    if _is_file(term.text):
        return replace(term, text=recommender.embed_file(Path(term.text)).query)
    if "/" in term.text and "://" not in term.text:
        raise UnknownClip(f"{term.text} is neither a clip of the catalogue nor a file: check the path.")
    return term


def _is_file(name: str) -> bool:
    """Whether there is a file of a name. What is too long for one, or lies where nobody may look, is none."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # ENAMETOOLONG, EACCES; a null byte
        return False


def _show(text: str, answer: Answer, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**answer.to_json(), "query": text}, ensure_ascii=False), flush=True)
        return
    print(shown(text))
    for understood in answer.understood:
        names = ", ".join(name for name, _ in understood.labels) or "no label"
        print(
            f"{understood.text or 'compared by labels'}: {names}"
            + ("" if understood.by_meaning else " (by spelling alone)")
        )
    if answer.sounds_like:
        print("sounds like " + ", ".join(f"{label} {share:.0%}" for label, share in answer.sounds_like))
    # Without a link, the path: unlike a title it can be opened, and asked for.
    places = [shown(result.clip.url or result.clip.source) for result in answer.results]
    width = max(map(len, places), default=0)
    for result, place in zip(answer.results, places, strict=True):
        part = f"  in {shown(result.clip.catalogue)}" if result.clip.catalogue and result.clip.url else ""
        part += f"  (at {result.matched[0]:.0f} s)" if result.matched else ""
        part += f"  ({result.copies} copies)" if result.copies > 1 else ""
        labels = shown(", ".join(result.clip.labels))
        print(f"{result.rank:>4}  {_similarity(answer, result)}  {place:<{width}}  {labels}{part}")
    for each in answer.incomplete:
        print(f"      {each}")
    if answer.alike is not None:
        print(f"      only {answer.alike} alike: the others are no nearer than chance")
    elif not answer.results:
        print("      nothing that fits")


def _similarity(answer: Answer, result: Result) -> str:
    return f"{result.similarity:7.1%}" if answer.compared else " " * 7


def _show_error(text: str, error: SoundalikeError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"query": text, "error": {"code": error.code, "message": str(error)}}), flush=True)
    else:
        sys.stderr.write(f"{shown(shortened(text))}: {error.code}: {shown(str(error))}\n")


def _top(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= MAX_TOP:
        raise argparse.ArgumentTypeError(f"must lie between 1 and {MAX_TOP}")
    return value
