"""What buttons and menus remember, as JSON in few bytes. Written and read here alone.

A button's value holds 2000 characters. An option of a menu holds 150, for what is chosen and of which clip; the
question stands in the id of its block, which holds 255."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.messages.block_kit import MAX_BLOCK_ID_CHARS
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

    def block_id(self, place: int) -> str | None:
        """Return the id of a result's block, by whose place it is the only one of a message; None where it is too long
        for Slack, whose JavaScript counts some characters as two."""
        found = f"{place}:{self}"
        return found if len(found.encode("utf-16-le")) <= 2 * MAX_BLOCK_ID_CHARS else None

    @classmethod
    def read(cls, action: dict[str, Any]) -> ButtonValue:
        """Read the value of an action; raises `BadQuery` on anything that was not written here."""
        try:
            chosen = action.get("selected_option")
            if chosen is not None:
                _, _, value = str(action["block_id"]).partition(":")
                _, _, clip = str(chosen["value"]).partition(":")
                data = {**json.loads(value), "k": clip}
            else:
                data = json.loads(str(action.get("value") or ""))
            question = Question.from_json(data) if "q" in data else None
            return cls(question, str(data.get("c", "")), str(data.get("k", "")), str(data.get("i", "")))
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
            raise BadQuery(TOO_OLD) from error

    @property
    def asked(self) -> Question:
        """The question; raises `BadQuery` where there is none."""
        if self.question is None:
            raise BadQuery(TOO_OLD)
        return self.question


def option(kind: str, clip_id: str) -> str:
    """Return the value of a menu's option: what is chosen, of which clip."""
    return f"{kind}:{clip_id}"


def chosen(action: dict[str, Any]) -> str:
    """Return what was chosen in a menu; raises `BadQuery` on anything that was not written here."""
    selected = action.get("selected_option")
    kind, colon, _ = str(selected.get("value") if isinstance(selected, dict) else "").partition(":")
    if not colon:
        raise BadQuery(TOO_OLD)
    return kind
