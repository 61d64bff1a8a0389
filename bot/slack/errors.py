"""What Slack's refusals of a post mean."""

from __future__ import annotations

from http.client import HTTPException
from json import JSONDecodeError

from slack_sdk.errors import SlackApiError, SlackRequestError

CLOSED = frozenset(
    {"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "cannot_reply_to_message"}
    | {"thread_not_found", "restricted_action_thread_only_channel", "restricted_action_read_only_channel"}
)
"""The bot may not post there, now or later."""
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_archived"})
"""The message that was to be edited is no more: somebody deleted it, and wants no other."""
BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
PASSING = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"})
"""Better luck later."""
UNREACHED = (SlackRequestError, OSError, HTTPException, JSONDecodeError)
"""What the SDK raises where Slack gave no whole answer: it is away, or the connection broke before or within one."""
REFUSED_FOR_SURE = frozenset({"ratelimited", "rate_limited"})
"""Nothing was posted, which an error 500 does not say."""


def code_of(error: SlackApiError) -> str:
    """Give Slack's error code; answers that are no JSON count as `internal_error`."""
    response = error.response
    if getattr(response, "status_code", 200) == 429:
        return "ratelimited"
    code = str(response.get("error") or "") if hasattr(response, "get") else ""
    return code if code and " " not in code else "internal_error"  # the SDK puts a sentence there for what is no JSON


def retry_after(error: SlackApiError, default: float) -> float:
    """Give the seconds that Slack asks to wait."""
    headers = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(float(value), 0.0)
            except (TypeError, ValueError):
                return default
    return default
