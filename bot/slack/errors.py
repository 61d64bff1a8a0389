"""What Slack's refusals mean: each code of the methods that the bot calls stands in one of these sets."""

from __future__ import annotations

from http.client import HTTPException
from json import JSONDecodeError

from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.errors import SlackRefused

CLOSED = {
    "access_denied": "Slack does not let me write there",
    "cannot_reply_to_message": "that message takes no replies",
    "channel_is_limited_access": "I may not see that channel",
    "channel_not_found": "I cannot see that channel",
    "channel_type_not_supported": "Slack does not let me write there",
    "ekm_access_denied": "your administrators let nobody write there at the moment",
    "invalid_channel": "I cannot see that channel",
    "invalid_thread_ts": "I cannot see that thread",
    "is_archived": "that channel is archived",
    "is_inactive": "that channel is archived",
    "message_limit_exceeded": "Slack takes no more messages there at the moment",
    "method_not_supported_for_channel_type": "Slack does not let me do that there",
    "no_permission": "Slack does not let me write there",
    "not_in_channel": "I am not in that channel",
    "posting_to_channel_denied": "Slack does not let me write there",
    "restricted_action": "your workspace does not let me write there",
    "restricted_action_non_threadable_channel": "that channel takes no replies",
    "restricted_action_read_only_channel": "I may only read that channel",
    "restricted_action_thread_locked": "that thread is locked",
    "restricted_action_thread_only_channel": "that channel takes replies alone",
    "team_access_not_granted": "I am not installed in that workspace",
    "team_not_found": "I am not installed in that workspace",
    "thread_not_found": "I cannot see that thread",
    "user_not_in_channel": "you are not in that channel",
}
"""The bot may not write there, now or later, and what the person is told of it, who gets the answer directly."""
LEFT = frozenset({"not_in_channel", "channel_not_found", "is_archived", "is_inactive", "team_not_found"})
"""The bot has no business there any more: only who asked it by name is answered directly."""
DELETED = frozenset({"message_not_found"})
"""The message that was to be edited is no more: somebody deleted it, and wants no other."""
UNEDITABLE = frozenset(
    {
        "block_mismatch",
        "cant_delete_message",
        "cant_update_message",
        "compliance_exports_prevent_deletion",
        "edit_window_closed",
        "streaming_state_conflict",
        "update_failed",
    }
)
"""The message stands, and Slack lets nobody edit it: the answer is posted as another."""
BAD_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_attachments", "msg_blocks_too_long", "msg_too_long"}
)
"""The answer goes out as its plain text."""
PASSING_CODES = frozenset(
    {"external_channel_migrating", "fatal_error", "internal_error", "org_login_required", "rate_limited"}
    | {"ratelimited", "request_timeout", "service_unavailable", "team_added_to_org"}
)
"""Better luck later."""
REFUSED_FOR_SURE = frozenset({"ratelimited", "rate_limited"})
"""Nothing was posted, which an error 500 does not say."""
LOCKED_OUT = frozenset(
    {"accesslimited", "account_inactive", "app_access_restricted", "enterprise_is_restricted", "invalid_auth"}
    | {"messages_tab_disabled", "missing_scope", "not_allowed_token_type", "not_authed", "token_expired"}
    | {"token_revoked", "two_factor_setup_required"}
)
"""Slack lets the app in no more, or not as far: no person can mend it, so it goes to the operator's log."""
FILES = frozenset(
    {"file_deleted", "file_not_found", "file_not_visible", "file_update_failed", "file_upload_size_restricted"}
    | {"file_uploads_disabled", "not_visible", "storage_limit_reached"}
)
"""Told in `bot.slack.files`, where they can be."""
LATE = frozenset(
    {"exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id", "trigger_exchanged"} | {"trigger_expired"}
)
"""The three seconds in which a form can be opened are over."""
FORMS = frozenset(
    {"duplicate_external_id", "hash_conflict", "missing_profile_id", "not_enabled", "not_found", "not_implemented"}
    | {"push_limit_reached", "view_too_large"}
)
"""A form or the App Home that Slack does not take."""
REACTIONS = frozenset(
    {"already_reacted", "bad_timestamp", "no_access", "not_reactable", "thread_locked", "too_many_emoji"}
    | {"too_many_reactions"}
)
"""No reaction is set: what it stood for waits for a mention."""
MISTAKES = frozenset(
    {"agent_prompt_display_not_allowed", "alt_txt_too_large", "channels_limit_exceeded", "draft_already_deleted"}
    | {"draft_already_sent", "draft_has_conflict", "draft_not_found", "duplicate_channel_not_found"}
    | {"duplicate_message_not_found", "is_bot", "pagination_not_available", "snippet_too_large"}
    | {"unknown_snippet_type", "unknown_subtype", "user_is_restricted"}
    | {"as_user_not_supported", "attachment_payload_limit_exceeded", "cant_broadcast_message", "deprecated_endpoint"}
    | {"invalid_arg_name", "invalid_arguments", "invalid_array_arg", "invalid_charset", "invalid_cursor"}
    | {"invalid_form_data", "invalid_limit", "invalid_metadata_filter_keys"}
    | {"invalid_metadata_format", "invalid_metadata_schema", "invalid_name", "invalid_post_type", "no_item_specified"}
    | {"invalid_ts_latest", "invalid_ts_oldest", "markdown_text_conflict", "metadata_must_be_sent_from_app"}
    | {"metadata_too_large", "method_deprecated", "missing_argument", "missing_file_data", "missing_post_type"}
    | {"no_dual_broadcast_content_update", "no_such_subteam", "no_text", "send_on_behalf_not_allowed"}
    | {"slack_connect_canvas_sharing_blocked", "slack_connect_file_link_sharing_blocked"}
    | {"slack_connect_lists_sharing_blocked", "too_many_attachments", "too_many_contact_cards", "unknown_method"}
    | {"user_not_found", "users_not_found"}
)
"""The call was wrong, or about what the bot never sends: a fault of ours, which the log tells of."""
UNREACHED = (SlackRequestError, OSError, HTTPException, JSONDecodeError)
"""What the SDK raises where Slack gave no whole answer: it is away, or the connection broke before or within one."""

LATE_SENTENCE = "The form took longer than the three seconds that Slack grants: try again."
PASSING_SENTENCE = "Slack does not do what I ask of it at the moment: try again in a minute."
LOCKED_OUT_SENTENCE = "Slack refuses me ({code}): ask whoever installed me to run `python -m bot check`."
OTHER_SENTENCE = "Slack did not take what I sent ({code}): try again; if it stays, tell whoever installed me."


def code_of(error: SlackApiError) -> str:
    """Return Slack's error code; answers that are no JSON count as `internal_error`."""
    response = error.response
    if getattr(response, "status_code", 200) == 429:
        return "ratelimited"
    code = str(response.get("error") or "") if hasattr(response, "get") else ""
    return code if code and " " not in code else "internal_error"  # the SDK puts a sentence there for what is no JSON


def refused(error: SlackApiError) -> SlackRefused:
    """Return what a person is told of a call that Slack refused."""
    code = code_of(error)
    if code in LATE:
        return SlackRefused(LATE_SENTENCE)
    if code in PASSING_CODES:
        return SlackRefused(PASSING_SENTENCE)
    if code in CLOSED:
        return SlackRefused(f"That does not work here, since {CLOSED[code]}.")
    return SlackRefused((LOCKED_OUT_SENTENCE if code in LOCKED_OUT else OTHER_SENTENCE).format(code=code))


def retry_after(error: SlackApiError, default: float) -> float:
    """Return the seconds that Slack asks to wait."""
    headers = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(float(value), 0.0)
            except (TypeError, ValueError):
                return default
    return default
