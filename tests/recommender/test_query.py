"""What people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.links import video_moment
from recommender.errors import BadQuery
from recommender.query import Query, Term, parse


def terms(text: str) -> list[tuple[int, str]]:
    return [(term.sign, term.text) for term in parse(text).terms]


def test_one_clip():
    assert terms(" 1OU19ANx4fg ") == [(1, "1OU19ANx4fg")]


def test_sum_and_difference():
    assert terms("A + B - C") == [(1, "A"), (1, "B"), (-1, "C")]


def test_without_is_a_minus_and_commas_belong_to_no_term():
    assert (
        terms("rain, without heavy thunder,") == terms("rain - heavy thunder") == [(1, "rain"), (-1, "heavy thunder")]
    )
    assert terms("without end, amen") == [(1, "without end, amen")]
    assert terms('"Days without you.wav" + "a,"') == [(1, "Days without you.wav"), (1, "a,")]
    assert terms(str(parse('"Days without you.wav" + "a,"'))) == [(1, "Days without you.wav"), (1, "a,")]


def test_a_difference_of_the_same_is_no_name():
    assert len(parse("Rain - rain", None, lambda name: True).terms) == 2
    assert len(parse("Artist - Rain", None, lambda name: True).terms) == 1


def test_ids_that_begin_or_end_with_a_minus_are_no_operators():
    assert terms("-0RWZT-miFs - --PJHxphWE-") == [(1, "-0RWZT-miFs"), (-1, "--PJHxphWE-")]


def test_quotes_keep_a_name_together():
    assert terms('"Artist - Title.wav" + B') == [(1, "Artist - Title.wav"), (1, "B")]
    assert terms('B - "Artist - Title.wav"') == [(1, "B"), (-1, "Artist - Title.wav")]


def test_a_quotation_mark_within_quotes_is_written_twice():
    name = 'Artist - Title (12" Mix).wav'
    assert str(Query((Term(1, name),))) == '"Artist - Title (12"" Mix).wav"'
    assert parse(str(Query((Term(1, name), Term(-1, "b"))))) == Query((Term(1, name), Term(-1, "b")))


def test_a_known_name_needs_no_quotes():
    assert parse("Artist - Title.wav", lambda name: name == "Artist - Title.wav").terms == (
        Term(1, "Artist - Title.wav"),
    )


@pytest.mark.parametrize(
    "text", ["", "  ", "A +", "+ A", "A + + B", '"A', '"A" B', '""', "A" * 5000, "A" + " + A" * 20]
)
def test_what_is_no_query_is_refused(text):
    with pytest.raises(BadQuery):
        parse(text)


@pytest.mark.parametrize(
    ("link", "seconds"),
    [
        ("https://www.youtube.com/watch?v=1OU19ANx4fg", None),
        ("https://youtube.com/watch?v=1OU19ANx4fg&t=90", 90),
        ("https://m.youtube.com/watch?app=x&v=1OU19ANx4fg&t=1m30s", 90),
        ("http://youtu.be/1OU19ANx4fg?t=6", 6),
        ("youtu.be/1OU19ANx4fg", None),
        ("https://www.youtube.com/embed/1OU19ANx4fg?start=30", 30),
        ("https://www.youtube.com/shorts/1OU19ANx4fg", None),
        ("https://www.youtube.com/watch?v=1OU19ANx4fg#t=1h", 3600),
        ("<https://youtu.be/1OU19ANx4fg?t=6|a video>", 6),
    ],
)
def test_youtube_links(link, seconds):
    moment = video_moment(link)
    assert moment is not None
    assert (moment.video_id, moment.seconds) == ("1OU19ANx4fg", seconds)


@pytest.mark.parametrize(
    "text",
    ["1OU19ANx4fg", "https://example.com/watch?v=1OU19ANx4fg", "https://youtu.be/", "ftp://youtu.be/1OU19ANx4fg",
     "https://youtu.be/short", "https://[", "https://www.youtube.com/watch", "https://evil-youtube.com/watch?v=1OU19ANx4fg"],
)  # fmt: skip
def test_other_texts_are_no_youtube_links(text):
    assert video_moment(text) is None


def test_a_link_in_a_query_is_shortened():
    assert terms("https://www.youtube.com/watch?v=1OU19ANx4fg&t=90s - B") == [
        (1, "https://youtu.be/1OU19ANx4fg?t=90"),
        (-1, "B"),
    ]


@given(st.text(max_size=200))
def test_any_text_is_a_query_or_refused(text):
    try:
        query = parse(text)
    except BadQuery:
        return
    assert query.terms and query.terms[0].sign == 1


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc"), exclude_characters="<|"), min_size=1, max_size=20
)


@given(st.lists(st.tuples(st.sampled_from([1, -1]), NAMES), min_size=1, max_size=8))
def test_the_canonical_text_asks_the_same(parts):
    query = Query(tuple(Term(sign if place else 1, text) for place, (sign, text) in enumerate(parts)))
    try:
        again = parse(str(query))
    except BadQuery:
        assert any(term.text in "+-" for term in query.terms)
        return
    assert parse(str(again)) == again
    if not any("youtu" in term.text for term in query.terms):
        assert again == query


def ways(text: str, *known: str) -> tuple[list[str], list[str]]:
    query = parse(text, known.__contains__)
    return [term.text for term in query.terms], [term.text for term in query.to]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("door to the sea", ["door to the sea"], []),
        ("door to the sea.wav", ["door to the sea.wav"], []),
        ("from rain to thunder", ["rain"], ["thunder"]),
        ("a way from rain TO thunder", ["rain"], ["thunder"]),
        ("1OU19ANx4fg_6000 to field-notes", ["1OU19ANx4fg_6000"], ["field-notes"]),
        ("field-notes to understands", ["field-notes to understands"], []),
        ("door to sea", ["door"], ["sea"]),
        ("#193 to rain", ["#193"], ["rain"]),
        ("to #193", ["to #193"], []),
        ("rain to", ["rain to"], []),
        ("rain to https://youtu.be/1OU19ANx4fg", ["rain"], ["1OU19ANx4fg"]),
        ('"door to the sea" to rain', ["door to the sea"], ["rain"]),
        ("door to the sea to sea", ["door to the sea"], ["sea"]),
        ("door + sea to sea - door", ["door", "sea"], ["sea", "door"]),
        ('"a" + door to the moon', ["a", "door to the moon"], []),
        ("door to the sea + rain", ["door to the sea", "rain"], []),
        ("from rain to sea,", ["rain"], ["sea"]),
    ],
)
def test_to_is_a_word_unless_it_stands_between_two_sounds(text, start, end):
    assert ways(text, "door", "sea", "door to the sea", "door to the sea.wav") == (start, end)


WORDS = st.lists(st.sampled_from(["door", "to", "the", "sea", "TO", "into", "tot"]), min_size=1, max_size=6).map(
    " ".join
)


@given(WORDS)
def test_words_alone_are_no_way(text):
    assert parse(text, lambda name: False).to == ()


ANY_TERM = st.builds(
    Term, st.just(1), st.sampled_from(["a", "to", "a to b", "from a to b", 'a "to" b', "#1", "#1 to #2", "x - y", '"'])
)


@given(st.lists(ANY_TERM, min_size=1, max_size=3).map(tuple), st.lists(ANY_TERM, max_size=3).map(tuple))
def test_the_canonical_text_of_a_way_is_read_again(terms, to):
    query = Query(terms, to)
    assert parse(str(query)) == query


@pytest.mark.parametrize("text", ["#1 - #32", "rain - #32", "#1 - rain", "rain + #2 - rain"])
def test_a_clips_number_as_a_term_is_no_part_of_a_files_name(text):
    assert len(parse(text, None, lambda _: True).terms) > 1
    assert parse("Song #1 - Take", None, lambda _: True).terms == (Term(1, "Song #1 - Take"),)
