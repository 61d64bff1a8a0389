"""Block Kit's parts, each within Slack's limits whatever the text. Limits: https://docs.slack.dev/reference/block-kit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

Block = dict[str, Any]

MAX_SECTION_CHARS = 3000
MAX_BUTTON_CHARS = 75
MAX_VALUE_CHARS = 2000
MAX_OPTION_CHARS = 150
"""Of the value of an option in a menu."""
MAX_BLOCK_ID_CHARS = 255
MAX_TEXT_CHARS = 4000
"""Slack cuts the fallback text there."""
MAX_BLOCKS_CHARS = 12_000
"""Of all texts together; Slack has been seen to refuse from about 13,200 on (bolt-js#2509)."""
MAX_URL_CHARS = 1500
"""Half a section: a longer link would crowd out the labels."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted. text: the fallback for notifications and screen readers; blocks: Block Kit."""

    text: str
    blocks: list[Block]

    def payload(self) -> dict[str, Any]:
        """Return the arguments that are the same for every way of posting."""
        return {"text": self.text, "blocks": self.blocks, "unfurl_links": False, "unfurl_media": False}


def text_chars(blocks: Any) -> int:
    """Return the length of all texts in some blocks, as Slack adds them up."""
    if isinstance(blocks, list):
        return sum(text_chars(block) for block in blocks)
    if not isinstance(blocks, dict):
        return 0
    text = blocks.get("text")
    return (len(text) if isinstance(text, str) else 0) + text_chars([*blocks.values()])


def escape(text: str) -> str:
    """Escape what Slack reads as markup of links, mentions and entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, limit: int) -> str:
    """Return the text on one line, without control and direction characters, cut to `limit` characters."""
    plain = " ".join(_CONTROL.sub(" ", text).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def in_the_middle(text: str, limit: int) -> str:
    """Return the text on one line, cut in its middle to `limit` characters: a path's ends say most."""
    whole = shorten(text, len(text) + 1)
    head = (limit - 1) // 3
    return whole if len(whole) <= limit else f"{whole[:head]}…{whole[head + 1 - limit :]}"


def plain(text: str, limit: int) -> str:
    """Return user text for mrkdwn: shortened, escaped, and without characters that would open bold, italics or code."""
    return escape(shorten(text, limit).translate({ord("*"): "∗", ord("_"): "_", ord("~"): "∼", ord("`"): "ˋ"}))


def bold(text: str, limit: int) -> str:
    """Return user text in bold; Slack shows no empty bold."""
    inner = plain(text, limit)
    return f"*{inner}*" if inner else ""


def link(url: str | None, title: str, limit: int, longest: int = MAX_URL_CHARS) -> str:
    """Return a link that shows the title, or the title alone where the address is none that a browser opens, or longer
    than `longest`."""
    shown = plain(title, limit).replace("|", "¦") or "untitled"
    if url is None or urlsplit_scheme(url) not in ("http", "https"):
        return shown
    safe = quote(url, safe=":/?#[]@!$&'()*+,;=%~-._")
    escaped = safe.replace("&", "&amp;")
    return shown if len(escaped) > longest else f"<{escaped}|{shown}>"


def urlsplit_scheme(url: str) -> str:
    """Return the scheme of an address with a host, else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.scheme.lower() if parts.netloc else ""


def clock(seconds: float) -> str:
    """Return seconds as m:ss, or h:mm:ss from an hour on."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def per_cent(share: float) -> str:
    """Return a share of 1 in whole per cent, never below 0 or above 100."""
    return f"{round(min(max(share, 0.0), 1.0) * 100)}%"


def section(text: str, accessory: Block | None = None, block_id: str = "") -> Block:
    """Return a paragraph, with a button or a menu at its side where there is one."""
    block: Block = {"type": "section", "text": _mrkdwn(text)}
    return block | ({"accessory": accessory} if accessory else {}) | ({"block_id": block_id} if block_id else {})


def context(text: str) -> Block:
    """Return small print."""
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _mrkdwn(text: str) -> Block:
    """Return text whose markup is what we wrote: names that look like links, channels or mentions stay names."""
    return {"type": "mrkdwn", "text": _cut(text or " ", MAX_SECTION_CHARS), "verbatim": True}


def header(text: str) -> Block:
    """Return a headline."""
    return {"type": "header", "text": {"type": "plain_text", "text": shorten(text, 150) or " ", "emoji": False}}


def button(action_id: str, text: str, value: object) -> Block | None:
    """Return a button; nothing where its value is too long for Slack."""
    encoded = str(value)
    if len(encoded) > MAX_VALUE_CHARS:
        return None
    shown = {"type": "plain_text", "text": shorten(text, MAX_BUTTON_CHARS) or "…", "emoji": False}
    return {"type": "button", "action_id": action_id, "text": shown, "value": encoded}


def menu(action_id: str, options: list[tuple[str, str]]) -> Block | None:
    """Return a menu of at most five texts and values; nothing where a value is too long for Slack."""
    if any(len(value) > MAX_OPTION_CHARS for _, value in options):
        return None
    shown = [{"text": {"type": "plain_text", "text": text, "emoji": False}, "value": value} for text, value in options]
    return {"type": "overflow", "action_id": action_id, "options": shown}


def actions(*buttons: Block | None) -> list[Block]:
    """Return a row of those buttons that there are, as a list of one block or none."""
    present = [each for each in buttons if each is not None]
    return [{"type": "actions", "elements": present}] if present else []


def _cut(text: str, limit: int) -> str:
    """Cut at a line's end, so that no entity, link or bold is cut in two; callers keep single lines short."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 2]
    return kept[: kept.rfind("\n")] + "\n…" if "\n" in kept else kept[: kept.rfind(" ") if " " in kept else 0] + " …"
