"""What listeners read out of Slack's messages, and accept of them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from bot.listeners.context import Context
from bot.operations.requests import Request
from bot.questions import Question, Typed, parse
from bot.slack.payloads import items, need, team_of, text
from recommender.errors import BadQuery

_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
_WORDY = frozenset({"fallback", "from_url", "original_url", "pretext", "text", "title", "title_link", "url", "value"})
_LINK = re.compile(r"<((?:https?://)[^|>]+)(?:\|[^>]*)?>")


def plain_text(marked: str) -> str:
    """Return a message's text as it was typed: without mentions, links bare, entities resolved."""
    return html.unescape(_LINK.sub(r"\1", _MENTION.sub(" ", marked))).strip()


def files_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of a message, and those of the messages that it forwards, each once."""
    found = [file for each in (message, *items(message, "attachments")) for file in items(each, "files")]
    return list({text(file, "id"): file for file in found if text(file, "id")}.values())


def words_of(message: dict[str, Any]) -> str:
    """Return all words and addresses in a message: Slack keeps links in its text, in blocks, or in what it unfurled."""
    return "\n".join(_strings([message.get("text"), message.get("blocks"), message.get("attachments")]))


def _strings(values: list[Any]) -> Iterator[str]:
    left = values[::-1]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            left += value[::-1]
        elif isinstance(value, dict):
            left += [each for key, each in value.items() if key in _WORDY or isinstance(each, (list, dict))][::-1]


def typed_in(marked: str, *, beside_file: bool = False) -> Typed:
    """Read a question out of a message; one that breaks the grammar is kept, for the answer to say how."""
    try:
        return parse(plain_text(marked), beside_file=beside_file, talk=True)
    except BadQuery as error:
        return Typed("wrong", Question(str(error)), True)


def accept_files(context: Context, event: dict[str, Any], body: dict[str, Any]) -> bool:
    """Accept the files of a message that addresses the bot, in their order; false where it has none."""
    files = [need(file, "id") for file in files_of(event)]
    if not files:
        return False
    typed = typed_in(text(event, "text"), beside_file=True)
    # Words beside a file are a remark, unless they are nothing but filters, or say what should be otherwise.
    filters = typed.question if typed.kind == "nothing" else None
    for file in files:
        context.acceptance.upload(
            need(event, "channel"),
            file,
            text(event, "user"),
            team=team_of(body),
            thread=thread_of(event),
            asked=True,
            filters=filters,
            edition=text(event, "edited", "ts"),
            at=text(event, "event_ts"),
        )
    return True


def thread_of(event: dict[str, Any]) -> str:
    """Return the ts of the thread that answers to a message belong in."""
    return text(event, "thread_ts") or need(event, "ts")


def accept_words(context: Context, event: dict[str, Any], body: dict[str, Any], typed: Typed) -> None:
    """Accept what was typed in a message that addresses the bot."""
    accept_question(
        context,
        need(event, "channel"),
        text(event, "user"),
        f"message:{need(event, 'ts')}",
        typed,
        team=team_of(body),
        thread=thread_of(event),
        edition=text(event, "edited", "ts"),  # tells a corrected message from the one that it was: both have one ts
        at=need(event, "ts"),
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
