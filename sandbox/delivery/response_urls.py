"""response_urls: five posts within thirty minutes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox import names
from sandbox.blocks.validation import InvalidBlocks, checked
from sandbox.errors import SlackRefusal, invalid
from sandbox.workspace import Channel, Workspace

Json = dict[str, Any]

MOST_POSTS = 5
LIFETIME_SECONDS = 30 * 60
TEXT_LENGTH = 40_000
BLOCKS_LENGTH = 13_200
"""Characters of all texts in all blocks together."""


@dataclass
class _Given:
    channel: str
    user: str
    expires: float
    original: Json | None = None
    left: int = MOST_POSTS


class ResponseUrls:
    """Makes response_urls, and posts what comes in through them."""

    def __init__(self, workspace: Workspace, origin: str) -> None:
        self._workspace = workspace
        self._origin = origin
        self._given: dict[str, _Given] = {}

    def new(self, channel: str, user: str, original: Json | None = None) -> str:
        """Return a response_url for a person in a channel. original: the message whose button was pressed."""
        secret = secrets.token_urlsafe(18)
        self._given[secret] = _Given(channel, user, time.time() + LIFETIME_SECONDS, original)
        return f"{self._origin}/response/{self._workspace.team}/{secret}"

    def expire(self) -> None:
        """Let all of them be thirty minutes old."""
        for given in self._given.values():
            given.expires = 0.0

    def post(self, secret: str, body: Json) -> None:
        """Do what a post asks for; raises `SlackRefusal`."""
        given = self._given.get(secret)
        if given is None or given.expires < time.time() or self._workspace.faults.response_urls_expired:
            raise SlackRefusal("expired_url", status=404)
        if given.left <= 0:
            raise SlackRefusal("used_url", status=404)
        channel = self._workspace.channels[given.channel]
        if body.get("delete_original"):
            self._delete(channel, given.original)
        elif body.get("replace_original") and given.original is not None:
            self._replace(given.original, content_of(body))
        else:
            self.answer(channel, given.user, body)
        given.left -= 1

    def answer(self, channel: Channel, user: str, body: Json) -> Json:
        """Post an answer, to one person unless it says `in_channel`: then alone a thread is heeded; raises
        `SlackRefusal`."""
        message = {"user": names.BOT, "bot_id": names.BOT_ID, "app_id": names.APP, **content_of(body)}
        if body.get("response_type") == "in_channel":
            if body.get("thread_ts"):
                message["thread_ts"] = body["thread_ts"]
            return self._workspace.post(channel, message)
        return self._workspace.post_ephemeral(channel, user, message)

    def _replace(self, original: Json, content: Json) -> None:
        if self._workspace.find_message(original["channel"], original["ts"]) is None:
            raise SlackRefusal("message_not_found", status=404)
        original.pop("blocks", None)
        original.update(content)
        if not original.get("is_ephemeral"):
            original["edited"] = {"user": names.BOT, "ts": self._workspace.clock.ts()}
        self._workspace.changed("ephemeral" if original.get("is_ephemeral") else "message", {"message": original})

    def _delete(self, channel: Channel, original: Json | None) -> None:
        if original is None or self._workspace.find_message(channel.id, original["ts"]) is None:
            raise SlackRefusal("message_not_found", status=404)
        if original.get("is_ephemeral"):
            self._workspace.remove_ephemeral(original)
        else:
            self._workspace.remove(channel, original["ts"])


def texts_of(value: Any) -> Iterator[str]:
    """Yield all texts in some blocks."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def content_of(body: Json) -> Json:
    """The checked text and blocks of a message that the bot sends; raises `SlackRefusal`."""
    text, blocks = body.get("text") or "", body.get("blocks") or []
    if not isinstance(text, str):
        raise SlackRefusal("invalid_arguments", status=400)
    if not text and not blocks and not body.get("attachments"):
        raise SlackRefusal("no_text", status=400)
    if len(text) > TEXT_LENGTH:
        raise SlackRefusal("msg_too_long", status=400)
    content: Json = {"text": text}
    if blocks:
        if sum(len(text) for text in texts_of(blocks)) > BLOCKS_LENGTH:
            raise SlackRefusal("msg_blocks_too_long", status=400)
        try:
            content["blocks"] = checked(blocks)
        except InvalidBlocks as error:
            refusal = invalid("invalid_blocks", error.problems)
            refusal.status = 400
            raise refusal from error
    return content
