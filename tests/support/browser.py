"""A real browser for tests: Debian's Chromium by Playwright, with axe-core where it is installed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.conftest import REPOSITORY

NODE_MODULES = Path(os.environ.get("SOUNDALIKE_NODE_MODULES", REPOSITORY / ".run" / "node" / "node_modules"))
"""Where `.ci/run` puts the few npm packages that tests compare with or run; tests skip what is absent."""
WIDTHS = {"desktop": (1280, 800), "phone": (390, 800)}
GRAVE = ("serious", "critical")
TIMEOUT_MS = 10_000.0
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def chromium() -> str:
    """The browser's path, first that of the one without windows: it takes half the CPU; skips where there is none."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("no browser: Chromium is not installed (apt-get install chromium-headless-shell, or set CHROMIUM)")
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run one headless browser; skips where there is none."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, url: str, width: str = "desktop", scheme: str = "light") -> Iterator[Page]:
    """Open the sandbox's page, and fail at the end if it complained or asked another host for anything."""
    wide, high = WIDTHS[width]
    phone = width == "phone"
    context = browser.new_context(
        viewport={"width": wide, "height": high},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=phone,
        is_mobile=phone,
        reduced_motion="reduce",
        permissions=["microphone"],
    )
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        problems: list[str] = []
        page.on("console", lambda message: _note_complaint(problems, message))
        page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        page.on("request", lambda request: _note_foreign(problems, request, url))
        page.goto(url)
        page.wait_for_selector("html[data-ready]")
        yield page
        assert problems == []
    finally:
        context.close()


def accessibility_faults(page: Page) -> list[str]:
    """The serious and critical faults that axe-core finds; skips where it is not installed."""
    source = NODE_MODULES / "axe-core" / "axe.min.js"
    if not source.exists():
        pytest.skip(f"no axe-core in {NODE_MODULES}: npm install --prefix .run/node axe-core")
    # Evaluated rather than added as a script: the page's own policy forbids scripts from elsewhere.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['impact']} {fault['id']}: {fault['help']}: {json.dumps([node['target'] for node in fault['nodes']])}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
    ]


def _note_complaint(problems: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        problems.append(f"console {message.type}: {message.text}")


def _note_foreign(problems: list[str], request: Request, url: str) -> None:
    if not request.url.startswith((url, "blob:", "data:")):
        problems.append(f"asked elsewhere: {request.url}")
