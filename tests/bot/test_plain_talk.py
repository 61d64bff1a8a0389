"""Plain talk around a question, in mentions and direct messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.listeners.message_events import typed_in
from bot.plain_talk import changed, kind_of, unmarked, wish
from bot.questions import Question, parse

LINK = "https://youtu.be/1OU19ANx4fg"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (f"can you find something like {LINK} please?", LINK),
        (f"Hey Soundalike, please show me clips like {LINK}!", LINK),
        (f"what sounds like {LINK}", LINK),
        (f"I heard {LINK} yesterday", LINK),
        ("could you find me rain on a tin roof?", "rain on a tin roof"),
        ("I'm looking for a dog barking", "a dog barking"),
        ("do you have church bells?", "church bells"),
        ("something similar to #193", "#193"),
        ("like #193 + rain - speech", "#193 + rain - speech"),
        ("rain on a tin roof", "rain on a tin roof"),
        ("big kick.wav", "big kick.wav"),
        ("#193 but darker", "#193 + darker"),
        (f"something like {LINK} But darker", f"{LINK} + darker"),
        ("#193, but with a bit more drums and without speech", "#193 + drums - speech"),
        ("all but gone.wav", "all but gone.wav"),
    ],
)
def test_what_is_asked_for_is_told_from_what_is_said_around_it(said, meant):
    typed = typed_in(said)
    assert (typed.kind, typed.question.query) == ("similar", meant)


def test_filters_stand_behind_plain_talk():
    typed = typed_in(f"please find me something like {LINK} top 5 only Jazz not Speech longer than 2 s")
    wanted = Question(LINK, top=5, only=("Jazz",), without=("Speech",), longer=2)
    assert (typed.kind, typed.question) == ("similar", wanted)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Hi!", "greeting"),
        ("good morning everyone", "greeting"),
        ("thanks", "thanks"),
        ("ok, thank you so much!", "thanks"),
        ("perfect :)", "thanks"),
        ("help me please", "help"),
        ("what can you do?", "help"),
        ("hi hat loop", "similar"),
        ("thanksgiving turkey", "similar"),
        ("help is on its way", "similar"),
    ],
)
def test_greetings_thanks_and_help_are_no_questions(said, kind):
    assert typed_in(said).kind == kind
    assert parse("thanks").kind == "similar"  # a command is no talk


@pytest.mark.parametrize(
    ("said", "terms"),
    [
        ("something like this but darker", "+ darker"),
        ("like this, but without drums", "- drums"),
        ("but with more bass and less reverb", "+ bass - reverb"),
        ("this", ""),
        ("something like this", ""),
    ],
)
def test_words_beside_a_file_steer_it(said, terms):
    typed = typed_in(said, beside_file=True)
    assert (typed.kind, typed.question) == ("nothing", Question(terms))


def test_a_remark_beside_a_file_is_none_of_its_filters():
    assert typed_in("what a take this was", beside_file=True).kind == "similar"
    assert typed_in("something like this but darker top 5", beside_file=True).question == Question("+ darker", top=5)
    assert typed_in("like this but darker").kind == "wrong"  # there is no file


@pytest.mark.parametrize(
    ("marked", "bare"),
    [
        ("*rain*", "rain"),
        ("_rain_ and ~wind~", "rain and wind"),
        ("`#193`", "#193"),
        ("```rain on a roof```", "rain on a roof"),
        ("*_rain_*", "rain"),
        ("“Artist - Title”", '"Artist - Title"'),
        ("kick_01_dry.wav", "kick_01_dry.wav"),
        ("_A4J2p4Dx6_", "_A4J2p4Dx6_"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_marks_are_no_part_of_a_question(marked, bare):
    assert unmarked(marked) == bare


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    bare = unmarked(text)
    assert kind_of(bare) in {None, "greeting", "thanks", "help"}
    assert wish(bare) or not bare.strip()
    assert changed(bare) is None or len(changed(bare) or ()) == 2
    assert typed_in(text).kind in {"similar", "random", "help", "greeting", "thanks", "nothing", "wrong"}
