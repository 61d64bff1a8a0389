"""Gets an answer to a person: into the thread, through a response_url, or directly where neither takes it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookResponse

from bot.messages import Message, sent_directly
from bot.slack.errors import BAD_BLOCKS, DELETED, UNREACHED, code_of
from bot.slack.payloads import text
from bot.slack.response_urls import is_slacks

WEBHOOK_TIMEOUT_SECONDS = 20
NO_ANSWERS = "Slack takes no more answers where you asked"
"""A response_url takes five, within half an hour."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody asked. thread: that of the message whose button was pressed, empty outside of threads."""

    user: str
    response_url: str = ""
    channel: str = ""
    thread: str = ""

    @classmethod
    def of_command(cls, command: dict[str, Any]) -> Place:
        """Return where a command was typed; Slack allows none in threads."""
        return cls(*(text(command, name) for name in ("user_id", "response_url", "channel_id")))

    @classmethod
    def of_interaction(cls, body: dict[str, Any]) -> Place:
        """Return where a button was pressed, a shortcut chosen or a form sent."""
        thread = text(body, "container", "thread_ts") or text(body, "message", "thread_ts")
        return cls(
            user=text(body, "user", "id"),
            response_url=text(body, "response_url"),
            channel=text(body, "channel", "id"),
            thread="" if thread == text(body, "message", "ts") else thread,
        )


class Replies:
    """Posts answers that no job stands for. Thread-safe."""

    def __init__(self, client: WebClient, api_url: str) -> None:
        self._client = client
        self._api_url = api_url

    def send(self, place: Place, message: Message, **how: Any) -> None:
        """Post an answer; how: arguments of the response_url, such as response_type. A failure goes to the log, once
        the person could not be reached directly either."""
        public = how.get("response_type") == "in_channel"
        if place.thread and not how.get("replace_original"):
            # An answer for one person falls to the channel's root, whatever the thread, where it comes by response_url.
            if not public and self._in_thread(place, message):
                return
            how["thread_ts"] = place.thread
        if place.response_url:
            if not is_slacks(place.response_url, self._api_url):
                _log.error("an answer was not posted: its address is neither Slack's nor that of SLACK_API_URL")
                return
            if self._by_url(place.response_url, message, {"response_type": "ephemeral"} | how):
                return
            where = f" (<#{place.channel}>)" if place.channel else ""
            message = sent_directly(message, f"{NO_ANSWERS}{where}")
        self._directly(place.user, message)

    def _in_thread(self, place: Place, message: Message) -> bool:
        try:
            self._client.chat_postEphemeral(
                channel=place.channel, user=place.user, thread_ts=place.thread, **message.payload()
            )
        except SlackApiError as error:
            _log.info("an answer does not go to its thread (%s)", code_of(error))
            return False
        except UNREACHED as error:
            _log.info("an answer does not go to its thread (%s)", type(error).__name__)
            return False
        return True

    def _by_url(self, url: str, message: Message, how: dict[str, Any]) -> bool:
        """Post through a response_url; return whether there is nothing left to do."""
        webhook = WebhookClient(
            url, timeout=WEBHOOK_TIMEOUT_SECONDS, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=3)]
        )
        try:
            answer = webhook.send_dict(message.payload() | how)
        except UNREACHED as error:
            _log.warning("a response_url cannot be reached (%s)", type(error).__name__)
            return False
        if answer.status_code == 200:
            return True
        code = _code(answer)
        if code in BAD_BLOCKS and message.blocks:
            _log.error("Slack takes no blocks of an answer (%s): sent as text", code)
            return self._by_url(url, Message(message.text, []), how)
        _log.warning("a response_url takes no answer: Slack says %s %s", answer.status_code, code)
        return code in DELETED

    def _directly(self, user: str, message: Message) -> None:
        try:
            self._client.chat_postMessage(channel=user, **message.payload())
        except SlackApiError as error:
            _log.error("an answer could not be delivered: Slack says %s", code_of(error))
        except UNREACHED as error:
            _log.error("an answer could not be delivered (%s)", type(error).__name__)


def _code(answer: WebhookResponse) -> str:
    """Return Slack's code: its answers are JSON, or the bare code."""
    try:
        return str(json.loads(answer.body)["error"])
    except (ValueError, KeyError, TypeError):
        return answer.body.strip()[:100]
