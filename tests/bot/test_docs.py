"""docs/answers.md tells of every refusal, every button and every setting it names."""

from __future__ import annotations

import re

import bot.errors
from bot.listeners.actions import CHANGES
from bot.settings import BotSettings
from recommender.errors import SoundalikeError
from tests.conftest import REPOSITORY

DEFINED = re.compile(r"^def (test_\w+)", re.MULTILINE)
TEXT = (REPOSITORY / "docs/answers.md").read_text()


def codes(kind: type[SoundalikeError] = SoundalikeError) -> set[str]:
    own = {kind.code} if kind.__module__ in ("recommender.errors", bot.errors.__name__) else set()
    return own.union(*(codes(child) for child in kind.__subclasses__()))


def test_every_code_is_explained():
    assert {code for code in codes() - {"slack"} if f"`{code}`" not in TEXT} == set()


def test_every_button_is_explained():
    labels = {
        "more_like": "More like this", "less_like": "Less like this", "next_ten": "Next ten",
        "first_ten": "Back to the top", "only_labels": "Only these labels", "all_labels": "All labels",
        "not_relevant": "Not relevant", "nothing_left_out": "Show N left out",
    }  # fmt: skip
    assert {name for name in CHANGES if not name.startswith("narrow_")} <= set(labels)
    assert "| the name of a label |" in TEXT
    assert all(label in TEXT for label in labels.values())


def test_settings_are_named_as_they_are():
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", TEXT))
    assert named <= {name.upper() for name in BotSettings.model_fields}


def test_the_tests_that_the_first_day_names_exist():
    named = set(re.findall(r"`(test_[a-z_]+)`", (REPOSITORY / "docs/first-day.md").read_text()))
    written = {name for path in (REPOSITORY / "tests").rglob("test_*.py") for name in DEFINED.findall(path.read_text())}
    assert named - written == set()
    assert len(named) > 30
