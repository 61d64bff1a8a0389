"""What people read: wording, and Slack's limits whatever the labels and names are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import messages
from bot.errors import MissingScope
from bot.listeners.actions import CHANGES
from bot.messages import HomeFacts, Message
from bot.messages.block_kit import MAX_BLOCKS_CHARS, MAX_TEXT_CHARS, clock, link, per_cent, plain, shorten, text_chars
from bot.messages.button_values import ButtonValue, chosen
from bot.messages.home import described
from bot.messages.library import Offers
from bot.messages.modal import ask_view
from bot.questions import Question
from recommender.answers import Answer, Result
from recommender.clips import Clip
from recommender.errors import BadQuery, SoundalikeError, UnknownClip
from recommender.library.descriptions import FIELDS
from sandbox.blocks.validation import checked
from tests.bot import answers as made

FEW = settings(max_examples=25, deadline=None)


def valid(message: Message) -> None:
    """Slack would take it: the sandbox's rules, and slack_sdk's own parser as their second opinion."""
    checked(message.blocks)
    assert text_chars(message.blocks) <= MAX_BLOCKS_CHARS
    assert all(text["verbatim"] for text in mrkdwn_objects(message.blocks))
    assert message.text.strip()
    assert len(message.text) <= MAX_TEXT_CHARS
    assert message.payload()["unfurl_links"] is False
    no_markup_of_others(message.blocks)


def no_markup_of_others(blocks: list[dict[str, Any]]) -> None:
    """No mention of anybody, and no link but to the web, can be slipped in by a name."""
    for text in mrkdwn(blocks):
        assert all(
            re.match(r"https?://[^|>]+\|[^<>|]+$|@[A-Z0-9]+$", inner) for inner in re.findall(r"<([^>]*)>", text)
        )


def mrkdwn(blocks: list[dict[str, Any]]) -> list[str]:
    return [text["text"] for text in mrkdwn_objects(blocks)]


def mrkdwn_objects(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sections = [block["text"] for block in blocks if block["type"] == "section"]
    return sections + [each for block in blocks if block["type"] == "context" for each in block["elements"]]


def test_twenty_results_of_the_longest_names_fit():
    clip = Clip(1, "a" * 11, "a" * 11, 0, 10, ("&<>" * 99,) * 30, "<&>" * 200, f"https://files.example/{'&' * 400}")
    clip = replace(clip, fields=tuple((name, "<&>" * 160) for name in FIELDS))
    found = Answer("a" * 11, "e" * 16, (clip,) * 6, (), tuple(Result(n, clip, 0.5, (1, 2), 9) for n in range(20)), True)
    valid(messages.answer(found, Question("a" * 11, only=("<" * 99,) * 9, without=(">" * 99,) * 9)))


def words(message: Message) -> str:
    return "\n".join(mrkdwn(message.blocks))


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return {element["action_id"]: element for row in rows for element in row}


@FEW
@given(made.answers, made.questions, st.booleans(), st.one_of(st.none(), made.seconds), made.texts, made.texts)
def test_any_answer_is_a_message_that_slack_takes(found, question, ephemeral, seconds, note, by):
    valid(messages.answer(found, question, ephemeral=ephemeral, seconds=seconds, note=note, shared_by=by))


@FEW
@given(made.answers, made.questions)
def test_any_view_is_one_that_slack_takes(found, question):
    view: Any = messages.matches_view(found, question)
    checked(view["blocks"], "modal")
    home = messages.home_view(HomeFacts(5, 2, question.name, (("redis", False, question.query),), (question,) * 12))
    checked(home["blocks"], "home")


@FEW
@given(made.texts, made.texts, st.lists(made.texts, max_size=9).map(tuple), made.seconds)
def test_any_notice_is_a_message_that_slack_takes(sentence, name, suggestions, seconds):
    valid(messages.listening(name, seconds))
    valid(messages.refusal(UnknownClip(sentence, suggestions), name))
    valid(messages.unforeseen("1a2b3c4d", name))


def test_help_and_form_are_ones_that_slack_takes():
    valid(messages.help_message())
    valid(messages.welcome())
    valid(messages.where_to_look(3))
    checked(ask_view("https://hooks.slack.com/x")["blocks"], "modal")


def test_a_result_says_in_one_line_what_its_file_says_of_itself():
    told = dict.fromkeys(FIELDS, "x") | {"description": "Owl <far> *away*, " + "over the lake " * 9, "take": "3"}
    found = made.answer(3)
    told_of = ((*told.items(),), (("designer", "Ada"),), ())
    clips = [replace(made.clip(number, "Jazz"), fields=fields) for number, fields in enumerate(told_of)]
    results = tuple(replace(result, clip=clip) for result, clip in zip(found.results, clips, strict=True))
    shown = mrkdwn(messages.answer(replace(found, results=results), Question("clip0")).blocks)[1:4]
    assert [len(text.split("\n")) for text in shown] == [2, 2, 1]
    assert re.fullmatch(
        r"Owl &lt;far&gt; ∗away∗, over the la.*… · from x · by x · scene x · take 3 · x · x",
        shown[0].split("\n")[1],
    )
    assert shown[1].split("\n")[1] == "by Ada"


def test_an_answer_has_rank_labels_link_length_and_similarity():
    message = messages.answer(made.answer(), Question("clip0"))
    text = words(message)
    assert "*1.* <https://youtu.be/abc?t=30|Clip 1> · 0:30–0:40 · *99%* · *Jazz*, Speech" in text
    assert "*2.* <https://youtu.be/abc?t=30|Clip 2> · 0:30–0:40 · *98%* · *Music*, Rain" in text
    assert "Sounds like Jazz 61%, Music 40%" in text
    assert message.text == "Clips like The query: 1. Clip 1 (Speech, Jazz), 99%; 2. Clip 2 (Rain, Music), 98%; " + (
        "3. Clip 3 (Speech, Jazz), 97%"
    )


def test_only_a_slow_answer_says_how_long_it_took():
    assert "took" not in words(messages.answer(made.answer(), Question("clip0"), seconds=4.9))
    assert "This took 7 s." in words(messages.answer(made.answer(), Question("clip0"), seconds=7.2))


def test_an_answer_to_a_long_upload_says_which_part_each_result_resembles():
    message = messages.answer(made.answer(matched=True), Question("clip0", name="beat.wav"))
    assert "resembles 0:05–0:15 of the upload" in words(message)
    assert "where_matched" in buttons(message)
    view: Any = messages.matches_view(made.answer(matched=True), Question("clip0", name="beat.wav"))
    assert "*0:05–0:15*\n• <https://youtu.be/abc?t=30|Clip 1> · 99%" in "\n".join(mrkdwn(view["blocks"]))


def test_buttons_carry_the_question_its_catalogue_and_the_clip():
    question = Question("clip0", top=5, only=("Jazz",), name="beat.wav")
    found = buttons(messages.answer(made.answer(), question, ephemeral=True))
    assert json.loads(found["next_ten"]["value"]) == {
        "q": "clip0_0", "t": 5, "o": ["Jazz"], "f": "beat.wav", "c": "catalogue1",
    }  # fmt: skip
    assert set(found) == {"next_ten", "all_labels", "share"}
    assert found["next_ten"]["text"]["text"] == "Next 5"


def menus(message: Message) -> list[dict[str, Any]]:
    """The action that each menu's options send, as Slack sends it."""
    return [
        {"block_id": block["block_id"], "selected_option": option}
        for block in message.blocks
        for option in block.get("accessory", {}).get("options", [])
    ]


def test_the_menu_of_a_result_carries_all_that_its_listener_needs():
    question = Question("clip0_0", top=5, only=("Jazz",), name="beat.wav")
    found = menus(messages.answer(made.answer(), question, offers=Offers(listen=True, paths=True)))
    assert len(found) == 50
    assert [chosen(action) for action in found[:5]] == ["more_like", "less_like", "listen", "path", "not_relevant"]
    assert [ButtonValue.read(action) for action in found[::5]] == [
        ButtonValue(question, "catalogue1", f"clip{rank}_0") for rank in range(1, 11)
    ]
    assert len({action["block_id"] for action in found}) == 10


def test_a_question_too_long_for_a_menu_has_buttons():
    question = Question("clip0_0", only=tuple(f"Label {number} 𝄞" for number in range(20)))
    message = messages.answer(made.answer(), question)
    assert menus(message) == []
    assert ButtonValue.read(buttons(message)["more_like"]).asked == replace(question, query="clip0_0")
    valid(message)


@pytest.mark.parametrize("odd", [None, 3, "x", {}, {"value": None}, {"value": "more_like"}, {"value": "more_like:x"}])
def test_a_menu_that_was_not_made_here_is_too_old(odd: Any):
    for block_id in (None, 3, "", "1:", "1:[]", "1:{}"):
        action = {"block_id": block_id, "selected_option": odd}
        with pytest.raises(BadQuery, match="too old"):
            chosen(action)
            assert ButtonValue.read(action).asked


def test_ten_results_take_fourteen_blocks_and_two_lines_each():
    found = replace(made.answer(matched=True), seeds=())
    message = messages.answer(found, Question("clip0"), ephemeral=True, seconds=9, note="A note.", offers=Offers(True))
    assert len(message.blocks) <= 14
    results = [text for text in mrkdwn(message.blocks) if text.startswith("*1")]
    assert all(text.count("\n") == 1 for text in results)


def test_labels_stand_beside_a_short_name_and_below_a_long_one():
    short = replace(made.clip(1, *(f"Label {number}" for number in range(9))), title="beat")
    long = replace(short, title="The whole of a long name that somebody took care to find for this clip")
    found = replace(made.answer(0), results=(Result(1, short, 0.9), Result(2, long, 0.8)))
    first, second = (text for text in mrkdwn(messages.answer(found, Question("clip0")).blocks) if "%*" in text)
    assert re.search(r"\*90%\* · Label 0, Label 1.* and \d more$", first)
    assert re.search(r"\*80%\*\nLabel 0, Label 1.* and \d more$", second)


def test_the_path_of_a_librarys_file_is_shortened_in_its_middle():
    clip = replace(made.clip(1, "Rain"), source=f"Field recordings/{'deep/' * 30}rain on tin.wav")
    found = replace(made.answer(0), results=(Result(1, clip, 0.9),))
    shown = words(messages.answer(found, Question("clip0"), offers=Offers(paths=True)))
    assert "Rain · Field recordings/de…" in shown
    assert "rain on tin.wav" in shown
    assert "deep" not in words(messages.answer(found, Question("clip0")))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("Field/Rain/tin.wav", "Field/Rain/"),
        ("Rain/tin.wav", ""),  # its label says so
        ("tin.wav", ""),
        ("Rain/take 3.wav", "Rain/take 3.wav"),
    ],
)
def test_a_path_says_what_title_and_labels_do_not(source: str, shown: str):
    clip = replace(made.clip(1, "Rain", title="tin"), source=source)
    found = replace(made.answer(0), results=(Result(1, clip, 0.9),))
    result = next(
        text
        for text in mrkdwn(messages.answer(found, Question("q"), offers=Offers(paths=True)).blocks)
        if "90%" in text
    )
    assert result.endswith(f"\nRain · {shown}" if shown else " · Rain")


def test_the_last_page_has_no_next_and_a_shared_answer_no_share():
    found = buttons(messages.answer(made.answer(more=False), Question("clip0", skip=10)))
    assert set(found) == {"first_ten", "only_labels"}
    assert json.loads(found["only_labels"]["value"])["o"] == ["Jazz|Music"]


def test_a_file_that_was_cut_is_told_below_the_answer():
    found = replace(
        made.answer(3), incomplete=("Only 1.0 s of the 2.0 s that the file's header speaks of could be read.",)
    )
    assert found.incomplete[0] in words(messages.answer(found, Question("audio:" + "a" * 64)))


def test_an_empty_answer_says_what_to_do():
    empty = made.answer(0, more=False)
    assert "leave one out" in words(messages.answer(empty, Question("clip0", only=("Rain",))))
    assert "end of the list" in words(messages.answer(empty, Question("clip0", skip=10)))


def test_a_refusal_has_a_sentence_what_to_do_next_and_its_code():
    message = messages.refusal(MissingScope("I lack the scope files:read: ask somebody."), "a*b.wav")
    assert words(message) == "*a∗b.wav*: I lack the scope files:read: ask somebody.\n`missing-scope`"
    assert message.text == "a*b.wav: I lack the scope files:read: ask somebody."


def test_a_refusal_names_close_spellings_once():
    message = messages.refusal(UnknownClip("Not known: try abc.", ("abc", "abd", "abe")))
    assert "Did you mean abd or abe?" in words(message)


def test_every_error_has_a_code_of_its_own_or_of_its_kind():
    def tree(kind: type[SoundalikeError]) -> list[type[SoundalikeError]]:
        return [kind, *(each for child in kind.__subclasses__() for each in tree(child))]

    assert all(re.fullmatch(r"[a-z-]+", kind.code) for kind in tree(SoundalikeError))


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (42.9, "0:42"), (600, "10:00"), (3661, "1:01:01")])
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_per_cent_stays_within_its_bounds():
    assert [per_cent(share) for share in (-0.2, 0.005, 0.934, 1.2)] == ["0%", "0%", "93%", "100%"]


def test_links_go_to_the_web_alone():
    assert (
        link("https://a.b/c d|e>f?x=1&y=2", "T|i<t>le", 20) == "<https://a.b/c%20d%7Ce%3Ef?x=1&amp;y=2|T¦i&lt;t&gt;le>"
    )
    assert link("javascript:alert(1)", "Title", 20) == "Title"
    assert link(None, "", 20) == "untitled"


@given(st.text(max_size=200), st.integers(2, 50))
def test_shortened_text_is_one_line_within_its_limit(text, limit):
    short = shorten(text, limit)
    assert len(short) <= limit
    assert "\n" not in short
    assert not re.search(r"[<>]", plain(text, limit))


def test_a_question_is_told_with_all_its_filters():
    question = Question("rain", only=("Rain|Wind", "Outside"), without=("Speech",), longer=2, shorter=10)
    said = "rain · only Rain or Wind, Outside · not Speech · longer 2 s · shorter 10 s"
    assert described(question) == said


def test_a_way_is_headed_by_both_ends_and_more_like_asks_for_one_clip():
    found = replace(made.answer(), query='"clip0_0" to "rain"', ranked_by="way", more=False)
    message = messages.answer(found, Question("clip0 to rain"))
    assert words(message).startswith("*A way from* <https://youtu.be/abc?t=30|The query> *to* rain")
    assert "how alike each is to the one before it" in words(message)
    assert message.text.startswith("A way of 10 clips: 1. Clip 1 (Speech, Jazz), 99%")
    first = menus(message)[0]
    assert {chosen(action) for action in menus(message)} == {"more_like", "not_relevant"}
    assert ButtonValue.read(first).asked.steered("+", "clip1_0").query == "clip1_0"
    valid(message)


def test_a_way_through_nothing_is_a_message_too():
    found = replace(made.answer(0), query='"clip0_0" to "rain"', ranked_by="way", seeds=())
    valid(messages.answer(found, Question("clip0 to rain")))


def test_what_is_not_relevant_is_left_out_until_it_is_brought_back():
    question = Question("clip0_0")
    for rank in range(1, 4):
        action = menus(messages.answer(made.answer(), question))[3 * rank - 1]
        assert chosen(action) == "not_relevant"
        value = ButtonValue.read(action)
        question = CHANGES["not_relevant"](value.asked, value.clip)
    assert question.left_out == ("clip1", "clip2", "clip3")
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question
    again = buttons(messages.answer(made.answer(), question))["nothing_left_out"]
    assert again["text"]["text"] == "Show 3 left out"
    assert CHANGES["nothing_left_out"](ButtonValue.read(again).asked, "") == Question("clip0_0")
    assert "nothing_left_out" not in buttons(messages.answer(made.answer(), Question("clip0_0")))


def test_an_end_of_a_way_is_always_relevant():
    clip = made.answer().results[0].clip
    found = replace(made.answer(), seeds=(clip,), query='"clip1_0" to "rain"', ranked_by="way")
    options = [chosen(action) for action in menus(messages.answer(found, Question("clip1 to rain")))]
    assert options[:3] == ["more_like", "more_like", "not_relevant"]
