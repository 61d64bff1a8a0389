"""What a person does on the page, in the page's words."""

from __future__ import annotations

import base64
from pathlib import Path

from playwright.sync_api import Locator, Page


def field(page: Page) -> Locator:
    """The message field of the place that is shown."""
    return page.locator("#place textarea.composer-field")


def type_message(page: Page, text: str) -> None:
    """Type a message and send it."""
    field(page).fill(text)
    field(page).press("Escape")
    field(page).press("Enter")


def go_to(page: Page, name: str) -> None:
    """Choose a place in the sidebar, which a phone opens first."""
    burger = page.locator("#top .burger")
    if burger.is_visible():
        burger.click()
    page.locator("#sidebar").get_by_role("button", name=name).click()


def drop(page: Page, path: Path, mimetype: str = "audio/wav") -> None:
    """Drag a file over the conversation and let it fall."""
    content = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([name, type, content]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type }));
            return transfer;
        }""",
        [path.name, mimetype, content],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#place .message-list", event, {"dataTransfer": transfer})


def messages(page: Page) -> Locator:
    """The messages of the place that is shown."""
    return page.locator("#place article.message")
