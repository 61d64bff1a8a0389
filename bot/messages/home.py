"""The App Home."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.messages.block_kit import Block, button, context, header, plain, section
from bot.messages.button_values import ButtonValue
from bot.messages.notices import HELP
from bot.questions import Question
from recommender.catalogue.filters import OR
from recommender.catalogue.measures import as_asked

HISTORY_SHOWN = 10
QUESTION_CHARS = 150


@dataclass(frozen=True)
class HomeFacts:
    """What the App Home shows. services: name, whether it works, and what to say of it; history: the person's last
    questions, newest first; answers: what is answered in channels without settings; catalogues: name and clips of
    each where several are searched."""

    clips: int | None = None
    labels: int | None = None
    built: str = ""
    services: tuple[tuple[str, bool, str], ...] = ()
    history: tuple[Question, ...] = field(default=())
    answers: str = "every"
    catalogues: tuple[tuple[str, int], ...] = ()


def home_view(facts: HomeFacts) -> dict[str, Any]:
    """Return the App Home of one person."""
    blocks: list[Block] = [
        section(HELP),
        context(_manner(facts)),
        {"type": "divider"},
        header("The catalogue"),
        section(_catalogue(facts)),
    ]
    if facts.services:
        blocks.append(context("\n".join(_service(*service) for service in facts.services)))
    blocks.append(header("Your last questions"))
    if not facts.history:
        blocks.append(section("None yet: try `/similar random`, or drop an audio file into our direct messages."))
    for question in facts.history[:HISTORY_SHOWN]:
        blocks.append(section(described(question), button("repeat", "Ask again", ButtonValue(question))))
    return {"type": "home", "blocks": blocks}


def described(question: Question) -> str:
    """Return a question in words, for a list of questions."""
    name = question.name or question.query
    parts = [plain(name, QUESTION_CHARS) or "…"]
    if question.only:
        parts.append("only " + ", ".join(plain(group.replace(OR, " or "), 120) for group in question.only[:5]))
    if question.without:
        parts.append("not " + ", ".join(plain(label, 60) for label in question.without[:5]))
    if question.within:
        parts.append("in " + ", ".join(plain(name, 60) for name in question.within[:5]))
    parts += [f"{name} {bound:g} s" for name in ("longer", "shorter") if (bound := getattr(question, name))]
    parts += [as_asked(question.told)] if question.told else []
    return " · ".join(parts)


def _manner(facts: HomeFacts) -> str:
    rule = {"every": "every sound", "mentioned": "when I am mentioned", "ear": "on a click on my 👂"}[facts.answers]
    return f"In channels I answer {rule}, but where `/similar settings` says otherwise."


def _catalogue(facts: HomeFacts) -> str:
    if facts.clips is None:
        return "There is none at the moment: the operator builds it with `python -m recommender build`."
    labels = f" under {facts.labels:,} labels" if facts.labels is not None else ""
    built = f", built on {plain(facts.built, 40)}" if facts.built else ""
    each = [f"*{plain(name, 60)}* ({clips:,})" for name, clips in facts.catalogues]
    several = f" They are of {', '.join(each)}: `in NAME` behind a question asks one of these alone." if each else ""
    return f"{facts.clips:,} clips{labels}{built}.{several}"


def _service(name: str, works: bool, remark: str) -> str:
    shown = f"{'✓' if works else '✗'} {plain(name, 40)}"
    return f"{shown}: {plain(remark, 200)}" if remark else shown
