"""What the sandbox refuses in blocks, against Slack's reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.blocks.validation import InvalidBlocks, checked
from tests.sandbox.peer import button, everything, modal, section

PLAIN = {"type": "plain_text", "text": "Text"}
OPTION = {"text": PLAIN, "value": "1"}
DIVIDER = {"type": "divider"}


def refused(blocks, surface="message") -> str:
    with pytest.raises(InvalidBlocks) as caught:
        checked(blocks, surface)
    return str(caught.value)


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def test_accepts_what_the_tiny_bot_sends_and_fills_in_ids():
    blocks = checked(everything())
    assert all(block["block_id"] for block in blocks)
    assert checked(modal()["blocks"], "modal")


def test_leaves_what_it_was_given_untouched():
    given = [section("text")]
    checked(given)
    assert given == [section("text")]


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"type": "carousel_of_doom"}, "unsupported type: carousel_of_doom [json-pointer:/blocks/0/type]"),
        ({"text": "no type"}, "missing required field: type"),
        (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (section(""), "must be more than 0 characters"),
        ({"type": "section"}, "must define either `text` or `fields`"),
        (section("x", colour="red"), "additional property: colour"),
        (section("x", accessory={"type": "jukebox"}), "unsupported type: jukebox"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "*bold*"}}, "unsupported type: mrkdwn"),
        ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}, "must be less than 151 characters"),
        ({"type": "section", "fields": [PLAIN] * 11}, "no more than 10 items allowed"),
        ({"type": "context", "elements": [PLAIN] * 11}, "no more than 10 items allowed"),
        ({"type": "context", "elements": [button("x", "x")]}, "unsupported type: button"),
        (actions(), "no fewer than 1 items allowed"),
        (actions(button("x" * 76, "x")), "must be less than 76 characters"),
        (actions(button("x", "x", "v" * 2001)), "must be less than 2001 characters"),
        (actions(button("x", "x", style="purple")), "must be one of primary, danger"),
        (actions(button("x", "x", url="not a url")), "must be a valid URL"),
        (actions(button("x", "same"), button("y", "same")), "`action_id` 'same' already exists"),
        (actions({"type": "overflow", "options": [OPTION] * 6}), "no more than 5 items allowed"),
        (actions({"type": "static_select"}), "must define either `options` or `option_groups`"),
        ({"type": "image", "image_url": "picture.png", "alt_text": "x"}, "must be a valid URL"),
        ({"type": "image", "image_url": "https://example.com/a.png"}, "missing required field: alt_text"),
        ({"type": "input", "label": PLAIN, "element": button("x", "x")}, "unsupported type: button"),
        ({"type": "input", "label": PLAIN, "element": {"type": "file_input"}}, "unsupported type: file_input"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}, "additional property: emoji"),
        (section("x", block_id="b" * 256), "must be less than 256 characters"),
    ],
)
def test_refuses_like_slack(block, problem):
    assert problem in refused([block])


def test_refuses_the_fifty_first_block_in_messages_and_the_hundred_first_in_views():
    assert "no more than 50 items" in refused([DIVIDER] * 51)
    checked([DIVIDER] * 100, "modal")
    assert "no more than 100 items" in refused([DIVIDER] * 101, "modal")


def test_refuses_two_blocks_of_one_id():
    assert "already exists" in refused([section("a", block_id="b"), section("c", block_id="b")])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "text", "elements", "element", "fields", "accessory", "options", "value"]),
                inner | st.sampled_from(["section", "actions", "button", "mrkdwn", "context", "image", "input"]),
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_never_fails_otherwise_than_by_refusing(blocks):
    try:
        checked(blocks)
    except InvalidBlocks as error:
        assert error.problems
