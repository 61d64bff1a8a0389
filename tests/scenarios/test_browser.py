"""The whole of Soundalike in a real browser: what a newcomer sees and presses, at a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.client.driver import Driver
from tests.sandbox.browser.steps import drop, field, go_to, messages, type_message
from tests.scenarios.stack import video_id
from tests.support.browser import accessibility_faults, visiting

pytestmark = pytest.mark.browser

RANK = re.compile(r"(?m)^(\d+)\. ")
DESK = 1280
HEIGHT_0_1 = 1017
"""Pixels of 0.1's ten results at a desk."""
WORKED_MS = 30_000.0
"""An upload goes through download, decoder and embedder, on a machine that runs other tests as well."""


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, slack: Driver) -> Iterator[Page]:
    with visiting(browser, slack.url, request.param) as one:
        yield one


def ranks(message: Locator) -> list[int]:
    return [int(rank) for rank in RANK.findall(message.inner_text())]


def test_commands_and_their_buttons(page: Page, slack: Driver):
    type_message(page, f"/similar {video_id(1)}")
    answer = messages(page).last
    expect(answer).to_contain_text("Only visible to you")
    expect(answer).to_contain_text("Clips like Melody 1")
    assert ranks(answer) == list(range(1, 11))
    if page.viewport_size and page.viewport_size["width"] == DESK:
        box = answer.locator(".blocks").bounding_box()
        assert box
        assert box["height"] <= HEIGHT_0_1 / 2
    link = answer.get_by_role("link").nth(1)
    assert re.fullmatch(r"https://youtu\.be/.?Vid_\d+\?t=30", link.get_attribute("href") or "")
    answer.get_by_role("button", name="Next ten").click()
    expect(answer).to_contain_text("11. ")
    assert ranks(answer) == list(range(11, 21))
    answer.get_by_role("button", name="More actions").first.click()
    page.get_by_role("menuitem", name="More like this").click()
    expect(answer).to_contain_text("more like")
    assert ranks(answer)[0] == 1
    assert not slack.refusals()
    assert accessibility_faults(page) == []


def test_files_are_played(page: Page, slack: Driver, sound: Path):
    drop(page, sound)
    field(page).press("Enter")
    messages(page).last.get_by_role("button", name="1 reply").click(timeout=WORKED_MS)
    thread = page.get_by_role("complementary", name="Thread", exact=True)
    answer = thread.locator("article").last
    expect(answer).to_contain_text("Clips like beat", timeout=WORKED_MS)
    assert ranks(answer) == list(range(1, 11))
    assert accessibility_faults(page) == []
    assert not slack.refusals()


def test_the_form(page: Page, slack: Driver):
    type_message(page, "/similar")
    form = page.get_by_role("dialog", name="Find similar clips")
    form.get_by_role("textbox", name="Clip or words (optional)").fill(video_id(2))
    form.get_by_role("combobox", name="Only clips labelled (optional)").press_sequentially("rai")
    page.get_by_role("option", name="Rain").click()
    assert accessibility_faults(page) == []
    form.get_by_role("button", name="Find").click()
    expect(form).to_have_count(0)
    expect(messages(page).last).to_contain_text("Clips like Melody 2")
    expect(messages(page).last).to_contain_text("Only Rain")
    assert not slack.refusals()


def test_home(page: Page, slack: Driver):
    type_message(page, f"/similar {video_id(5)}")
    expect(messages(page).last).to_contain_text("Melody 5")
    go_to(page, "App Home")
    home = page.get_by_role("region", name="Soundalike home")
    expect(home.get_by_role("heading", name="The catalogue")).to_be_visible()
    expect(home).to_contain_text("24 clips")
    assert accessibility_faults(page) == []
    assert not slack.refusals()
