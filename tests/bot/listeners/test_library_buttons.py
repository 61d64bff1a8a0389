"""The buttons that only a library has, as pure functions."""

from __future__ import annotations

import json

import pytest

from bot.manifest import manifest
from bot.messages import answer
from bot.messages.library import Offers
from bot.questions import Question
from bot.settings import BotSettings
from bot.slack.names import FILES_SCOPE, GROUPS_SCOPE, OPTIONAL_SCOPES, SCOPES, scopes_of
from recommender.answers import Answer, Result
from recommender.clips import Clip

UPLOAD = f"audio:{'a' * 64}"
CLIP = Clip(3, "AAAAAAAAAAA_0", "Loops/a.wav", 0.0, 10.0, ("Loops",), "a", None)


def shown(question: Question, offers: Offers, *, ephemeral: bool = False) -> dict[str, list[dict[str, str]]]:
    """The values of the library's buttons, by action id."""
    found = Answer(question.query, "c", (), (), (Result(1, CLIP, 0.9), Result(2, CLIP, 0.8)), False)
    values: dict[str, list[dict[str, str]]] = {}
    for block in answer(found, question, ephemeral=ephemeral, offers=offers).blocks:
        for element in block.get("elements", []):
            if element.get("action_id") in ("listen", "add_to_library"):
                values.setdefault(element["action_id"], []).append(json.loads(element["value"]))
        for option in block.get("accessory", {}).get("options", []):
            kind, _, clip = option["value"].partition(":")
            if kind == "listen":
                values.setdefault(kind, []).append({"k": clip})
    return values


def test_listen_stands_below_each_result_that_has_a_thread() -> None:
    question = Question("Loops/a.wav")
    assert shown(question, Offers(listen=True)) == {"listen": [{"k": "AAAAAAAAAAA_0"}] * 2}
    assert shown(question, Offers(listen=True), ephemeral=True) == {}
    assert shown(question, Offers()) == {}


@pytest.mark.parametrize(
    ("question", "there"),
    [
        (Question(UPLOAD, file="F1"), True),
        (Question(UPLOAD), False),
        (Question(f"{UPLOAD} + AAAAAAAAAAA_0", file="F1"), False),
        (Question("AAAAAAAAAAA_0", file="F1"), False),
    ],
)
def test_an_upload_alone_can_be_added(question: Question, there: bool) -> None:
    assert shown(question, Offers(add=True)) == ({"add_to_library": [{"i": "F1"}]} if there else {})
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question


def test_each_button_brings_its_scope_into_the_manifest() -> None:
    assert scopes_of(None) == scopes_of(BotSettings(_env_file=None)) == tuple(sorted(SCOPES))
    settings = BotSettings(listen_button=True, library_adders="U1, S2", _env_file=None)
    assert settings.librarians == {"U1", "S2"}
    granted = manifest(settings=settings)["oauth_config"]["scopes"]["bot"]
    assert set(granted) == {*SCOPES, *OPTIONAL_SCOPES, FILES_SCOPE, GROUPS_SCOPE}
