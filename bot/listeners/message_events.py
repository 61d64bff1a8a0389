"""What listeners read out of Slack's messages, and accept of them."""

from __future__ import annotations

import html
import re
from typing import Any

from bot.listeners.context import Context
from bot.questions import Question, Typed, parse
from recommender.errors import BadQuery

_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
_LINK = re.compile(r"<((?:https?://)[^|>]+)(?:\|[^>]*)?>")


def plain_text(text: str) -> str:
    """Give a message's text as it was typed: without mentions, links bare, entities resolved."""
    return html.unescape(_LINK.sub(r"\1", _MENTION.sub(" ", text))).strip()


def typed_in(text: str, *, beside_file: bool = False) -> Typed:
    """Read a question out of a message; one that breaks the grammar is kept, for the answer to say how."""
    try:
        return parse(plain_text(text), beside_file=beside_file)
    except BadQuery as error:
        return Typed("wrong", Question(str(error)), True)


def accept_files(context: Context, event: dict[str, Any], body: dict[str, Any]) -> bool:
    """Accept the files of a message that addresses the bot, in their order; false where it has none."""
    files = [str(file["id"]) for file in event.get("files") or [] if isinstance(file, dict) and file.get("id")]
    typed = typed_in(str(event.get("text") or ""), beside_file=True)
    # Words beside a file are a remark, unless they are nothing but filters.
    filters = typed.question if typed.kind == "nothing" else None
    for file in files:
        context.acceptance.upload(
            str(event["channel"]),
            file,
            str(event.get("user") or ""),
            team=str(body.get("team_id") or ""),
            thread=str(event.get("thread_ts") or event["ts"]),
            asked=True,
            filters=filters,
            at=str(event.get("event_ts") or ""),
        )
    return bool(files)


def accept_words(context: Context, event: dict[str, Any], body: dict[str, Any], typed: Typed) -> None:
    """Accept what was typed in a message that addresses the bot."""
    context.acceptance.question(
        str(event["channel"]),
        str(event.get("user") or ""),
        f"message:{event['ts']}",
        typed.kind,
        typed.question,
        team=str(body.get("team_id") or ""),
        thread=str(event.get("thread_ts") or event["ts"]),
    )
