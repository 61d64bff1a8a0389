"""The grammar of `/similar`."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.listeners.message_events import plain_text, typed_in
from bot.messages.button_values import ButtonValue
from bot.questions import MAX_TOP, Question, parse, placed
from recommender.errors import BadQuery
from tests.bot import answers as made


@pytest.mark.parametrize(
    ("text", "question", "here"),
    [
        ("1OU19ANx4fg", Question("1OU19ANx4fg"), False),
        ("  -0RWZT-miFs  ", Question("-0RWZT-miFs"), False),
        ("a + b - c top 5 here", Question("a + b - c", top=5), True),
        ("here a", Question("a"), True),
        ("a only Bass guitar not Speech", Question("a", only=("Bass guitar",), without=("Speech",)), False),
        ('a only "Rain" "Bass guitar"', Question("a", only=("Rain", "Bass guitar")), False),
        ("a only Rain only Jazz", Question("a", only=("Rain", "Jazz")), False),
        ("a ONLY Rain , storm TOP 3", Question("a", top=3, only=("Rain , storm",)), False),
        ("top 3 a", Question("a", top=3), False),
        ("a longer 2s, top 3, only Jazz", Question("a", top=3, longer=2.0, only=("Jazz",)), False),
        ('a only "Rain" or "Wind" only Jazz', Question("a", only=("Rain|Wind", "Jazz")), False),
        ('a only "Rain", "Wind"', Question("a", only=("Rain", "Wind")), False),
        ('a not "Rain" , "Wind"', Question("a", without=("Rain", "Wind")), False),
        ('a only "Rain", or "Wind"', Question("a", only=("Rain|Wind",)), False),
        ("a only Rain or Wind, Jazz", Question("a", only=("Rain or Wind, Jazz",)), False),
        ("a longer 2s shorter than 10 seconds", Question("a", longer=2, shorter=10), False),
        ("*a* top `3`", Question("a", top=3), False),
        ('"Artist - Title.wav" + b', Question('"Artist - Title.wav" + b'), False),
        ("“top”", Question('"top"'), False),
    ],
)
def test_questions(text, question, here):
    typed = parse(text)
    assert (typed.kind, typed.question, typed.here) == ("similar", question, here)


@pytest.mark.parametrize(
    ("text", "kind", "query"),
    [
        ("", "nothing", ""),
        ("  ", "nothing", ""),
        ("HELP", "help", "HELP"),
        ("random", "random", ""),
        ("Random Bass guitar", "random", "Bass guitar"),
        ("random, Rain", "random", "Rain"),
    ],
)
def test_other_words(text, kind, query):
    typed = parse(text)
    assert (typed.kind, typed.question.query) == (kind, query)


@pytest.mark.parametrize(
    "text",
    [
        "a top",
        "a top many",
        "a top 0",
        f"a top {MAX_TOP + 1}",
        "a only",
        "a not here",
        "only Jazz",
        "a longer",
        "a shorter 0",
        "a longer cat",
        "x" * 1001,
    ],
)
def test_what_breaks_the_grammar_is_told_how_it_is_done_right(text):
    with pytest.raises(BadQuery, match=r"\.$"):
        parse(text)


def test_filters_alone_make_sense_beside_a_file():
    typed = parse("top 4 only Jazz", beside_file=True)
    assert (typed.kind, typed.question) == ("nothing", Question("", top=4, only=("Jazz",)))


@given(st.text(max_size=300))
def test_any_text_is_a_question_or_a_refusal(text):
    try:
        typed = parse(text)
    except BadQuery:
        return
    assert typed.kind in {"similar", "random", "help", "nothing"}
    assert 1 <= typed.question.top <= MAX_TOP


@given(made.questions)
def test_a_button_carries_any_question(question):
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("qtsonfiw") | st.text(), inner),
    )
)
def test_what_is_no_question_raises_what_is_caught(data):
    try:
        Question.from_json(data)
    except ValueError:
        return


@pytest.mark.parametrize("value", ["", "[]", '"q"', '{"q": "", "t": 1e999}', '{"q": "", "s": NaN}', "[" * 100_000])
def test_a_button_that_carries_no_question_is_too_old(value):
    with pytest.raises(BadQuery):
        ButtonValue.read({"value": value})


def test_steering_quotes_what_holds_signs():
    steered = Question("a", skip=10).steered("+", "Artist - Title.wav_0").steered("-", "c")
    assert steered.query == 'a + "Artist - Title.wav_0" - c'
    assert steered.skip == 0


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("<@U0SOUND> abc top 2", "abc top 2"),
        ("<@U0SOUND|bot> <https://youtu.be/a?t=1&amp;x=2|youtu.be/a>", "https://youtu.be/a?t=1&x=2"),
        ("R&amp;B &lt;3", "R&B <3"),
        ("<@U0SOUND>", ""),
    ],
)
def test_slacks_markup_is_read_as_it_was_typed(text, typed):
    assert plain_text(text) == typed


def test_a_message_that_breaks_the_grammar_is_kept_for_the_answer():
    assert typed_in("a top many").kind == "wrong"


NAMES = ("SFX", "My Sounds", "catalogue")


@pytest.mark.parametrize(
    ("text", "query", "within", "only", "without"),
    [
        ("rain in sfx", "rain", ("SFX",), (), ()),
        ("rain in my sounds", "rain", ("My Sounds",), (), ()),
        ('rain in "My Sounds" top 3', "rain", ("My Sounds",), (), ()),
        ("rain top 3 in SFX", "rain", ("SFX",), (), ()),
        ("rain + thunder in SFX, catalogue", "rain + thunder", ("SFX", "catalogue"), (), ()),
        ("rain in sfx or my sounds", "rain", ("SFX", "My Sounds"), (), ()),
        ("rain only Wind in SFX not Speech", "rain", ("SFX",), ("Wind",), ("Speech",)),
        ('rain only "Wind" in "My Sounds"', "rain", ("My Sounds",), ("Wind",), ()),
        ("rain not Speech in SFX", "rain", ("SFX",), (), ("Speech",)),
        ("in sfx", "", ("SFX",), (), ()),
        ("rain in a forest", "rain in a forest", (), (), ()),
        ("rain in sfxs", "rain in sfxs", (), (), ()),
        ("a walk in sfx at night", "a walk in sfx at night", (), (), ()),
        ("main sfx", "main sfx", (), (), ()),
        ('rain only "Rain" "Wind"', "rain", (), ("Rain", "Wind"), ()),
    ],
)
def test_a_catalogue_is_named_behind_in(text, query, within, only, without):
    found = placed(parse(text, beside_file=True).question, NAMES)
    assert (found.query, found.within, found.only, found.without) == (query, within, only, without)
    assert placed(found, NAMES) == found


@given(made.questions)
def test_a_question_that_names_no_catalogue_stays_as_it_is(question):
    assert placed(question, ("no one types this",)) == question
