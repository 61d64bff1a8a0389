"""The map of a catalogue in a real browser: found in, walked over by keys, played; and names that attack it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from recommender.catalogue.local.builder import NewClip
from recommender.cli import main
from tests.support.audio import write_audio
from tests.support.browser import accessibility_faults, visiting
from tests.support.catalogues import clustered, write
from tests.support.http import ScriptedServer, reply, scripted_server

ATTACKS = (
    "</script><script>window.attacked = 1</script>",
    "<img src=x onerror='window.attacked = 1'>",
    '"><svg onload="window.attacked = 1">',
    "<!--<script>",
    "${window.attacked = 1}",
    "caf\\udce9\u202egnp.wav",
)
CLIPS = 60
PLAYING = """new Promise((done) => {
  const look = () => audio.currentTime > 0 ? done() : setTimeout(look, 20);
  look();
})"""

UNCOVERED = """(() => {
  const map = document.getElementById("map"), plane = map.getBoundingClientRect();
  const free = (clip) => clip.url?.startsWith("http") && clip.title[0] !== "8"
    && document.elementFromPoint(on(clip.at)[0] + plane.left, on(clip.at)[1] + plane.top) === map;
  const clip = data.clips.find(free);
  return [clip.title.split(" ")[0], on(clip.at)];
})()"""
"""The number and place of a clip with a sound that no button covers."""


def clips(url: str) -> list[NewClip]:
    kinds = ["Rain", "Dog", ATTACKS[0], ATTACKS[1]]
    return [
        NewClip(
            f"clip{number:07d}_0",
            f"folder/{number} {ATTACKS[number % len(ATTACKS)]}",
            0.0,
            1.0,
            (kinds[number % 4],),
            f"{number} {ATTACKS[number % len(ATTACKS)]}",
            "javascript:window.attacked = 1" if number == 5 else f"{url}/{number}.wav#t=0,1",
        )
        for number in range(CLIPS)
    ]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    """The page of a catalogue of hostile names, and its sounds."""
    folder = tmp_path_factory.mktemp("map")
    sound = write_audio(folder / "sound.wav", "pcm_s16le").read_bytes()
    with scripted_server() as server:
        write(folder / "c", clustered(CLIPS, clusters=4), clips(server.url))
        assert main(["map", str(folder / "c"), "--out", str(folder / "map.html")]) == 0
        page = reply(200, (folder / "map.html").read_bytes(), "text/html; charset=utf-8")
        wave = reply(200, sound, "audio/wav")

        def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
            (wave if handler.path.endswith(".wav") else page)(handler, body)

        server.answer = answer
        yield server


@pytest.fixture
def page(browser: Browser, served: ScriptedServer) -> Iterator[Page]:
    with visiting(browser, served.url) as one:
        yield one
        assert not one.evaluate("'attacked' in window")


pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_accessibility_faults(browser: Browser, served: ScriptedServer, width: str, scheme: str):
    with visiting(browser, served.url, width, scheme) as page:
        assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("Find a label or a name").fill("Rain")
        page.get_by_role("listitem").first.get_by_role("button").click()
        assert accessibility_faults(page) == []


def test_labels_and_names_are_found(page: Page):
    field = page.get_by_label("Find a label or a name")
    field.fill("rain")
    expect(page.get_by_role("status")).to_have_text(f"{CLIPS // 4} of {CLIPS} clips match.")
    field.fill("folder/17 ")
    expect(page.get_by_role("listitem")).to_have_count(1)
    field.fill(ATTACKS[0])
    expect(page.get_by_role("status")).to_have_text(f"{CLIPS // 4} of {CLIPS} clips match.")
    field.fill("")
    expect(page.get_by_role("heading", name="Regions")).to_be_visible()


def test_the_map_is_walked_over_by_keys(page: Page, served: ScriptedServer):
    plane, clip = page.get_by_role("application"), page.get_by_role("region", name="The clip")
    expect(plane).to_have_accessible_name(f"Map of {CLIPS} clips by likeness")
    plane.focus()
    page.keyboard.press("ArrowRight")
    first = clip.inner_text()
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
        if clip.inner_text() != first:
            break
    assert re.match(r"\d+ ", first) and clip.inner_text() != first
    page.keyboard.press("Enter")
    number = clip.inner_text().split()[0]
    expect(page.locator("audio")).to_have_attribute("src", f"{served.url}/{number}.wav#t=0,1")


def test_the_pointer_plays_what_it_rests_on(page: Page, served: ScriptedServer):
    page.get_by_label("Find a label or a name").fill("folder/8 ")
    page.get_by_role("listitem").get_by_role("button").click()  # the browser plays nothing before a click
    page.get_by_label("Find a label or a name").fill("")
    number, (x, y) = page.evaluate(UNCOVERED)
    page.locator("#map").hover(position={"x": x, "y": y})
    expect(page.get_by_role("region", name="The clip")).to_contain_text(re.compile(rf"^{number} "))
    expect(page.locator("audio")).to_have_attribute("src", f"{served.url}/{number}.wav#t=0,1")
    # Not wait_for_function, which the page's policy forbids.
    page.evaluate(PLAYING)
    assert f"GET /{number}.wav" in served.requests


def test_a_link_that_is_none_is_not_followed(page: Page):
    page.get_by_label("Find a label or a name").fill("5 caf")
    page.get_by_role("button", name=re.compile("^5 caf")).click()
    expect(page.get_by_role("region", name="The clip")).to_contain_text("5 caf")
    expect(page.get_by_role("region", name="The clip").get_by_role("link")).to_have_count(0)


def test_of_many_clips_some_are_drawn(tmp_path: Path, capsys):
    write(tmp_path / "c", clustered(60))
    assert main(["map", str(tmp_path / "c"), "--clips", "20", "--out", "-"]) == 0
    page, told = capsys.readouterr()
    assert "20 clips of 60, drawn by lot" in told
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert (data["total"], len(data["clips"])) == (60, 20)


@pytest.mark.parametrize("count", ["0", "20001", "x"])
def test_too_many_clips(tmp_path: Path, count: str):
    with pytest.raises(SystemExit) as caught:
        main(["map", str(tmp_path), "--clips", count, "--out", str(tmp_path / "map.html")])
    assert caught.value.code == 2
