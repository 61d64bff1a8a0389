"""What listeners read out of Slack's messages, and accept of them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from bot.listeners.context import Context
from bot.operations.requests import Request
from bot.questions import Question, Typed, parse
from recommender.errors import BadQuery

_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
_WORDY = frozenset({"fallback", "from_url", "original_url", "pretext", "text", "title", "title_link", "url", "value"})
_LINK = re.compile(r"<((?:https?://)[^|>]+)(?:\|[^>]*)?>")


def plain_text(text: str) -> str:
    """Return a message's text as it was typed: without mentions, links bare, entities resolved."""
    return html.unescape(_LINK.sub(r"\1", _MENTION.sub(" ", text))).strip()


def files_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of a message, and those of the messages that it forwards, each once."""
    attachments = [each for each in message.get("attachments") or [] if isinstance(each, dict)]
    found = [file for each in (message, *attachments) for file in each.get("files") or [] if isinstance(file, dict)]
    return list({str(file["id"]): file for file in found if file.get("id")}.values())


def words_of(message: dict[str, Any]) -> str:
    """Return all words and addresses in a message: Slack keeps links in its text, in blocks, or in what it unfurled."""
    return "\n".join(_strings([message.get("text"), message.get("blocks"), message.get("attachments")]))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _WORDY or isinstance(item, (list, dict)):
                yield from _strings(item)


def typed_in(text: str, *, beside_file: bool = False) -> Typed:
    """Read a question out of a message; one that breaks the grammar is kept, for the answer to say how."""
    try:
        return parse(plain_text(text), beside_file=beside_file)
    except BadQuery as error:
        return Typed("wrong", Question(str(error)), True)


def accept_files(context: Context, event: dict[str, Any], body: dict[str, Any]) -> bool:
    """Accept the files of a message that addresses the bot, in their order; false where it has none."""
    files = [str(file["id"]) for file in files_of(event)]
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
            edition=_edition(event),
            at=str(event.get("event_ts") or ""),
        )
    return bool(files)


def _edition(event: dict[str, Any]) -> str:
    """Return what tells a corrected message from the one that it was: Slack sends both under one ts."""
    edited = event.get("edited")
    return str(edited.get("ts") or "") if isinstance(edited, dict) else ""


def accept_words(context: Context, event: dict[str, Any], body: dict[str, Any], typed: Typed) -> None:
    """Accept what was typed in a message that addresses the bot."""
    accept_question(
        context,
        str(event["channel"]),
        str(event.get("user") or ""),
        f"message:{event['ts']}",
        typed,
        team=str(body.get("team_id") or ""),
        thread=str(event.get("thread_ts") or event["ts"]),
        edition=_edition(event),
        at=str(event["ts"]),
    )


def accept_question(
    context: Context, channel: str, user: str, mark: str, typed: Typed, *, thread: str = "", **more: Any
) -> None:
    """Accept a question that is answered by a message; without Redis it is answered by this process. mark: what tells
    its repetitions; more: as for `Acceptance.question`."""
    if context.acceptance.question(channel, user, mark, typed.kind, typed.question, thread=thread, **more):
        return

    def answer(request: Request) -> None:
        message = context.answerer.message(typed, user, request)
        context.services.client.chat_postMessage(channel=channel, thread_ts=thread or None, **message.payload())

    context.submit("question", user, answer)
