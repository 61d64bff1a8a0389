"""What buttons remember, as JSON in few bytes: Slack grants 2000 characters. Written and read here alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.questions import Question
from recommender.errors import BadQuery

TOO_OLD = "This button is too old to be understood: ask again with /similar."


@dataclass(frozen=True, slots=True)
class ButtonValue:
    """What a button stands for. question: of the answer that it stands below, None where it needs none; catalogue: id
    of the catalogue that answered; clip: the clip it stands beside; file: Slack's id of the upload it stands below."""

    question: Question | None = None
    catalogue: str = ""
    clip: str = ""
    file: str = ""

    def __str__(self) -> str:
        value = self.question.to_json() if self.question else {}
        more = {"c": self.catalogue, "k": self.clip, "i": self.file}
        return json.dumps(
            value | {key: each for key, each in more.items() if each}, separators=(",", ":"), ensure_ascii=False
        )

    @classmethod
    def read(cls, action: dict[str, Any]) -> ButtonValue:
        """Read the value of an action; raises `BadQuery` on anything that was not written here."""
        try:
            data = json.loads(str(action.get("value") or ""))
            question = Question.from_json(data) if "q" in data else None
            return cls(question, str(data.get("c", "")), str(data.get("k", "")), str(data.get("i", "")))
        except (ValueError, RecursionError, AttributeError, TypeError) as error:
            raise BadQuery(TOO_OLD) from error

    @property
    def asked(self) -> Question:
        """The question; raises `BadQuery` where there is none."""
        if self.question is None:
            raise BadQuery(TOO_OLD)
        return self.question
