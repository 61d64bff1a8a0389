"""Makes the README's pictures out of a running `make run`: `python -m tests.scenarios.screenshots [URL] [FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, expect

from sandbox.client.driver import Driver
from tests.conftest import REPOSITORY
from tests.sandbox.browser.steps import go_to, messages, type_message
from tests.support.browser import browsing, visiting

ADDRESS = "http://127.0.0.1:8090"
WORKED_MS = 30_000.0


def main(arguments: Sequence[str]) -> None:
    """Empty the workspace, do what a newcomer does, and take pictures of it."""
    address, folder, *_ = [*arguments, *([ADDRESS, str(REPOSITORY / "docs")][len(arguments) :])]
    out = Path(folder)
    out.mkdir(exist_ok=True)
    driver = Driver(address)
    driver.wait_for_bot()
    with browsing() as browser:
        driver.reset()
        with visiting(browser, address) as page:
            _upload(page)
            _picture(page, out / "answer.png")
            page.get_by_role("button", name="Close thread").click()
            page.locator(".top-button").click()
            type_message(page, "/similar random")
            expect(messages(page).last).to_contain_text("10.")
            _picture(page, out / "traffic.png")
            page.get_by_role("button", name="Close panel").click()
            type_message(page, "/similar")
            page.get_by_role("dialog").wait_for()
            _picture(page, out / "form.png")
            page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
            go_to(page, "App Home")
            page.get_by_role("heading", name="The catalogue").wait_for()
            _picture(page, out / "home.png")
        driver.reset()
        with visiting(browser, address, "phone", "dark") as page:
            _upload(page)
            _picture(page, out / "phone.png")


def _upload(page: Page) -> None:
    page.get_by_role("button", name="Plucked string").click()
    messages(page).last.get_by_role("button", name="1 reply").click(timeout=WORKED_MS)
    thread = page.get_by_role("complementary", name="Thread", exact=True)
    expect(thread.locator("article").last).to_contain_text("10.", timeout=WORKED_MS)


def _picture(page: Page, path: Path) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(500)  # waveforms are drawn when their audio is decoded
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
