"""The page in a real browser, with the tiny bot behind it."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox import names
from sandbox.client.driver import Driver
from tests.sandbox.browser.steps import drop, field, go_to, messages, type_message
from tests.support.browser import accessibility_faults, visiting

DM = names.direct_message(names.ADA)


@pytest.fixture
def beep(tmp_path: Path) -> Path:
    path: Path = tmp_path / "beep.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(bytes(range(250)) * 1280)  # 10 s: still playing when a busy machine looks
    return path


def test_commands_are_completed_and_answered_to_the_asker_alone(any_page: Page):
    field(any_page).press_sequentially("/si")
    expect(any_page.get_by_role("option", name="/similar")).to_be_visible()
    field(any_page).press("Tab")
    expect(field(any_page)).to_have_value("/similar ")
    field(any_page).press_sequentially("1OU19ANx4fg")
    field(any_page).press("Enter")
    reply = messages(any_page).last
    expect(reply).to_contain_text("Only visible to you")
    expect(reply).to_contain_text("you asked for 1OU19ANx4fg")
    reply.get_by_role("button", name="Again").click()
    expect(reply).to_contain_text("again 1OU19ANx4fg")
    expect(reply).to_have_count(1)


def test_files_are_dropped_and_answered_in_the_thread(any_page: Page, beep: Path):
    drop(any_page, beep)
    expect(any_page.locator(".composer-files")).to_contain_text("beep.wav")
    field(any_page).press("Enter")
    shared = messages(any_page).last
    expect(shared.get_by_role("group", name="Audio: beep.wav")).to_be_visible()
    shared.get_by_role("button", name="1 reply").click()
    thread = any_page.get_by_role("complementary", name="Thread", exact=True)
    expect(thread.locator("article").last).to_contain_text("beep.wav sounds like rain (edited)")
    thread.get_by_role("textbox", name="Reply…").fill("thank you")
    thread.get_by_role("textbox", name="Reply…").press("Enter")
    expect(thread.locator("article").last).to_contain_text("thank you")
    thread.get_by_role("button", name="Close thread").click()
    expect(shared).to_contain_text("2 replies")


def test_files_are_chosen_played_and_removed(page: Page, driver: Driver, beep: Path):
    page.locator("#place input[type=file]").set_input_files([beep, beep])
    page.get_by_role("button", name="Remove beep.wav").first.click()
    page.get_by_role("button", name="Send now").click()
    play = page.get_by_role("button", name="Play beep.wav")
    play.click()
    page.get_by_role("button", name="React with +1").first.click(force=True)
    expect(page.locator(".reaction")).to_be_visible()
    expect(page.get_by_role("button", name="Pause beep.wav")).to_have_attribute("aria-pressed", "true")
    assert len(driver.messages()[0]["files"]) == 1


def test_voice_clips_are_recorded(page: Page, driver: Driver):
    page.get_by_role("button", name="Record audio clip").click()
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".composer-files")).to_contain_text("audio_message.webm")
    field(page).press("Enter")
    expect(messages(page).last).to_contain_text("Voice clip")
    assert driver.messages()[0]["files"][0]["subtype"] == "slack_audio"


def test_sounds_to_try_are_made_in_the_browser(page: Page, driver: Driver):
    page.get_by_role("button", name="Siren").click()
    expect(messages(page).last).to_contain_text("siren.wav")
    assert driver.messages()[0]["files"][0]["duration_ms"] == 4000


def test_blocks_are_shown_and_used(page: Page, driver: Driver):
    type_message(page, "/similar all")
    message = messages(page).filter(has_text="Clips like")
    expect(message.get_by_role("heading")).to_contain_text("Clips like 1OU19ANx4fg")
    expect(message.get_by_role("img", name="musical note")).to_be_visible()
    link = message.get_by_role("link", name="Ska band, live")
    expect(link).to_have_attribute("href", "https://youtu.be/ELq5Oxwcmfs?t=30")
    expect(message.locator("blockquote")).to_have_text("quoted line")
    expect(message.locator(".context")).to_contain_text("5 < 6")
    expect(message.get_by_role("separator")).to_have_count(1)
    # The overflow menu by keyboard alone.
    message.get_by_role("button", name="More actions", exact=True).press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(messages(page).last).to_contain_text("chose 2")
    static = message.get_by_role("combobox", name="Choose a label")
    static.click()
    page.get_by_role("option", name="Rain").click()
    expect(messages(page).last).to_contain_text("chose Rain")
    external = message.get_by_role("combobox", name="Type a label")
    external.press_sequentially("jazz g")
    page.get_by_role("option", name="Jazz guitar").wait_for()
    external.press("Enter")
    expect(messages(page).last).to_contain_text("chose Jazz guitar")
    message.get_by_role("button", name="Next ten").click()
    expect(messages(page).first).to_contain_text("the next ten")
    driver.wait_quiet(0.1)
    assert driver.refusals() == []


def test_modals_complain_complete_and_send(any_page: Page, beep: Path):
    type_message(any_page, "/similar")
    modal = any_page.get_by_role("dialog", name="Find similar clips")
    modal.get_by_role("button", name="Find").click()
    expect(modal.get_by_role("alert").filter(has_text="Give a clip or a file.")).to_be_visible()
    clip = modal.get_by_role("textbox", name="Clip (optional)")
    expect(clip).to_be_focused()
    clip.fill("abc")
    modal.locator("input[type=file]").set_input_files(beep)
    expect(modal.locator(".file-list")).to_contain_text("beep.wav")
    labels = modal.get_by_role("combobox", name="Only these labels (optional)")
    labels.press_sequentially("rain")
    any_page.get_by_role("option", name="Rain").click()
    expect(modal.locator(".chip")).to_have_text("Rain")
    modal.get_by_role("button", name="Find").click()
    expect(modal).to_have_count(0)
    go_to(any_page, "Soundalike")
    expect(messages(any_page).last).to_contain_text("clip abc; files beep.wav; only ['Rain']")


def test_modals_close_by_escape(page: Page, driver: Driver):
    type_message(page, "/similar")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert driver.views() == []


def test_homes_and_direct_messages(page: Page):
    go_to(page, "App Home")
    home = page.get_by_role("region", name="Soundalike home")
    expect(home).to_contain_text("22,160 clips")
    home.get_by_role("button", name="Ask").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("tab", name="Messages").click()
    type_message(page, "hello there")
    expect(messages(page).last).to_contain_text("you said hello there")


def test_messages_elsewhere_are_counted(page: Page, driver: Driver):
    driver.say(DM, "psst")
    entry = page.locator("#sidebar").get_by_role("button", name="Soundalike")
    expect(entry).to_contain_text("1")
    entry.click()
    expect(entry).not_to_contain_text("1")


def test_people_see_only_what_is_theirs(page: Page, driver: Driver):
    type_message(page, "/similar secret")
    expect(messages(page)).to_have_count(1)
    page.get_by_label("You are").select_option("Ben")
    expect(messages(page)).to_have_count(0)
    type_message(page, "good morning")
    expect(messages(page).last).to_contain_text("Ben")
    assert driver.messages()[-1]["user"] == names.BEN


def test_shortcuts_edits_reactions_and_deletions(page: Page, driver: Driver):
    type_message(page, "one")
    message = messages(page).first
    message.hover()
    message.get_by_role("button", name="React with eyes").click()
    expect(message.get_by_role("button", name="eyes, 1")).to_be_visible()
    for name, expected in (("Find similar clips", "similar to 'one'"),):
        message.get_by_role("button", name="More message actions").click()
        page.get_by_role("menuitem", name=name).click()
        expect(messages(page).last).to_contain_text(expected)
    message.get_by_role("button", name="More message actions").click()
    page.get_by_role("menuitem", name="Edit message").click()
    page.get_by_role("textbox", name="Edit message").fill("two")
    page.get_by_role("textbox", name="Edit message").press("Enter")
    expect(message).to_contain_text("two (edited)")
    message.get_by_role("button", name="More message actions").click()
    page.get_by_role("menuitem", name="Delete message").click()
    expect(messages(page).filter(has_text="two")).to_have_count(0)
    assert driver.messages() == []


MRKDWN = [
    ("*bold* _italic_ ~struck~ `code`", "<strong>bold</strong> <em>italic</em> <s>struck</s> <code>code</code>"),
    ("*_both_*", "<strong><em>both</em></strong>"),
    ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
    ("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ("a &amp;amp; b", "a &amp;amp; b"),
    ("&gt; quoted\nnot", "<blockquote>quoted</blockquote>not"),
    ("```a\n*b*```", "<pre><code>a\n*b*</code></pre>"),
    ("line\nline", "line<br>line"),
    ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
]


def test_mrkdwn(page: Page):
    shown = page.evaluate(
        """async (texts) => {
            const { mrkdwn } = await import("/static/js/mrkdwn.js");
            return texts.map((text) => {
                const box = document.createElement("div");
                box.append(...mrkdwn(text));
                return box.innerHTML;
            });
        }""",
        [text for text, _ in MRKDWN],
    )
    assert list(zip([text for text, _ in MRKDWN], shown, strict=True)) == MRKDWN


def test_the_panel_shows_traffic_and_switches_faults(page: Page, driver: Driver):
    type_message(page, "/similar x")
    expect(messages(page)).to_have_count(1)
    page.locator(".top-button").click()
    panel = page.get_by_role("complementary", name="Traffic between Slack and the bot")
    entry = panel.locator(".entry-row").filter(has_text="/similar")
    expect(entry).to_contain_text("ms")
    entry.locator("summary").click()
    expect(entry.locator("pre").first).to_contain_text('"text": "x"')
    panel.get_by_role("tab", name="Faults").click()
    panel.get_by_role("checkbox", name="Events come twice").check()
    panel.get_by_role("spinbutton", name="Files begin late by").fill("1.5")
    panel.get_by_role("spinbutton", name="Files begin late by").press("Tab")
    panel.get_by_role("button", name="Next three").click()
    expect(panel).to_contain_text("chat.postMessage: ratelimited, 3 more")
    state = driver.state()
    assert state["faults"]["doubled_events"] is True
    assert state["faults"]["file_delay"] == 1.5
    panel.get_by_role("button", name="All faults off").click()
    expect(panel.get_by_role("checkbox", name="Events come twice")).not_to_be_checked()


def test_edits_leave_the_focus_where_it_was(page: Page, driver: Driver):
    type_message(page, "/similar x")
    button = messages(page).last.get_by_role("button", name="Again")
    button.focus()
    page.keyboard.press("Enter")
    expect(messages(page).last).to_contain_text("again x")
    expect(messages(page).last.get_by_role("button", name="Again")).to_be_focused()


def test_what_is_written_survives_hostile_names(page: Page, driver: Driver, tmp_path: Path):
    odd: Path = tmp_path / "<img src=x onerror=alert(1)> & 'co'.txt"
    odd.write_text("hello")
    driver.say(text="look", files=[odd])
    expect(messages(page).last).to_contain_text(odd.name)
    assert page.locator('#place article img[src="x"]').count() == 0


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_no_serious_accessibility_faults(browser: Browser, driver: Driver, beep: Path, width: str, scheme: str):
    with visiting(browser, driver.url, width, scheme) as page:
        found: dict[str, list[str]] = {}
        type_message(page, "/similar all")
        type_message(page, "/similar x")
        drop(page, beep)
        field(page).press("Enter")
        messages(page).last.get_by_role("button", name="1 reply").click()
        page.get_by_role("complementary", name="Thread", exact=True).locator("article").nth(1).wait_for()
        found["thread"] = accessibility_faults(page)
        page.get_by_role("button", name="Close thread").click()
        if width == "desktop":
            field(page).fill("/")
            found["completion"] = accessibility_faults(page)
        page.locator(".top-button").click()
        page.get_by_role("tab", name="Faults").wait_for()
        if width == "desktop":
            found["traffic"] = accessibility_faults(page)
        page.get_by_role("tab", name="Faults").click()
        found["faults"] = accessibility_faults(page)
        page.get_by_role("button", name="Close panel").click()
        type_message(page, "/similar")
        page.get_by_role("dialog").get_by_role("combobox").press_sequentially("ja")
        page.get_by_role("option", name="Jazz", exact=True).wait_for()
        found["modal"] = accessibility_faults(page)
        page.get_by_role("dialog").get_by_role("combobox").press("Escape")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        go_to(page, "App Home")
        page.get_by_role("region", name="Soundalike home").wait_for()
        found["home"] = accessibility_faults(page)
    assert {place: faults for place, faults in found.items() if faults} == {}, json.dumps(found, indent=1)
