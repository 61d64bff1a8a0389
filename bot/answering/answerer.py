"""Answers typed questions, and turns every error into its sentence: the one place where that happens."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError

from bot.answering.history import History
from bot.answering.limits import QuestionLimit
from bot.errors import OldCatalogue
from bot.messages import Message, answer, friendly, help_message, refusal, unforeseen
from bot.messages.library import Offers
from bot.operations.requests import Observer, Request
from bot.questions import FILTERS_ALONE, Question, Typed, placed
from bot.settings import BotSettings
from bot.slack.errors import refused
from recommender.answers import Answer
from recommender.errors import BadQuery, SoundalikeError, UnknownClip
from recommender.library.additions import libraries_of
from recommender.query import parse
from recommender.recommender import Recommender

REBUILT = "The catalogue has been rebuilt since: this answer comes from the new one."

_M = TypeVar("_M", Message, Message | None)
_log = logging.getLogger(__name__)


class Answerer:
    """Puts questions to the recommender for one person at a time. Thread-safe."""

    def __init__(
        self,
        recommender: Recommender,
        history: History,
        limit: QuestionLimit,
        observer: Observer,
        settings: BotSettings | None = None,
    ) -> None:
        self.recommender = recommender
        self._history = history
        self._limit = limit
        self._observer = observer
        self._settings = settings

    def message(self, typed: Typed, user: str, request: Request, *, ephemeral: bool = False) -> Message:
        """Return the answer to what somebody typed, or the sentence that refuses it."""
        return self.spoken(request, lambda: self._message(typed, user, request, ephemeral))

    def spoken(self, request: Request, work: Callable[[], _M]) -> _M | Message:
        """Do some work and return its message; an error becomes its sentence."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it is
            return self.sentence(error, request)

    def sentence(self, error: Exception, request: Request, name: str = "") -> Message:
        """Return what a person is told of an error; one that nobody foresaw goes to the log with its traceback."""
        if isinstance(error, SlackApiError):
            _log.error("Slack refused a call", exc_info=error)
            error = refused(error)
        if isinstance(error, SoundalikeError):
            request.failed(error)
            return refusal(error, name)
        reference = uuid.uuid4().hex[:8]
        request.broke(reference)
        _log.error("unforeseen error %s", reference, exc_info=error)
        return unforeseen(reference, name)

    def found(self, question: Question, request: Request, catalogue: str = "") -> tuple[Answer, str]:
        """Answer a question; returns a note beside it where the button that asked stems from another catalogue.

        catalogue: id of that which answered before, none where empty. Raises `OldCatalogue` where the clip is gone with
        it, and what `Recommender.similar` raises.
        """
        current = self.catalogue_id()
        rebuilt = bool(catalogue) and catalogue != current
        try:
            with request.timings("search"):
                found = self.recommender.similar(question.query, **question.bounds)
        except UnknownClip as error:
            if rebuilt:
                raise OldCatalogue(
                    "The catalogue has been replaced since this answer, and the clip is not in the new one: "
                    "ask again with /similar."
                ) from error
            raise
        return found, REBUILT if rebuilt else ""

    def answer(self, found: Answer, question: Question, **how: Any) -> Message:
        """Return the answer to a question with the buttons that this catalogue and the settings allow; how: as for
        `bot.messages.answer`."""
        return answer(found, question, offers=self._offers(), **how)

    def placed(self, question: Question) -> Question:
        """Return a question with the catalogues that it names as its filter, where several are searched."""
        catalogue = self.recommender.catalogue
        names = [name for name in catalogue.members if name]
        return placed(question, names) if names and not catalogue.has(question.query) else question

    def _offers(self) -> Offers:
        if self._settings is None:
            return Offers()
        files = self._settings.listen_button
        if not libraries_of(self.recommender.catalogue):
            return Offers(files=files)
        return Offers(listen=files, add=bool(self._settings.librarians), paths=True, files=files)

    def catalogue_id(self) -> str:
        """Return the id of the catalogue that answers now."""
        return str(self.recommender.catalogue.id)

    def count_question(self, user: str) -> None:
        """Count a question; raises `RateLimited`."""
        self._limit.count(user)

    def _message(self, typed: Typed, user: str, request: Request, ephemeral: bool) -> Message:
        self.count_question(user)
        if typed.kind == "nothing" and typed.question != Question(""):
            raise BadQuery(FILTERS_ALONE)
        if typed.kind in ("help", "nothing"):
            return help_message()
        if typed.kind in ("greeting", "thanks"):
            return friendly(typed.kind)
        if typed.kind == "wrong":
            raise BadQuery(typed.question.query)
        question, note = self.placed(typed.question), ""
        if typed.kind == "similar" and not question.query:
            raise BadQuery(FILTERS_ALONE)
        if typed.kind == "random":
            clip = self.recommender.random(question.query or None)
            question, note = replace(question, query=clip.clip_id), "A clip at random."
        found, _ = self.found(question, request)
        self._history.add(user, replace(question, name=question.name or _in_titles(found)))
        return self.answer(found, question, ephemeral=ephemeral, note=note)


def _in_titles(found: Answer) -> str:
    """Return the query with titles in place of clip ids: what people recognise in the list of their last questions."""
    titles = {seed.clip_id: seed.title for seed in found.seeds}
    asked = parse(found.query)
    sides = (
        [replace(term, text=titles.get(term.text, term.text)) for term in side] for side in (asked.terms, asked.to)
    )
    named = [
        " ".join([side[0].text, *(f"{'+' if term.sign > 0 else '-'} {term.text}" for term in side[1:])])
        for side in sides
        if side
    ]
    return " to ".join(named)
