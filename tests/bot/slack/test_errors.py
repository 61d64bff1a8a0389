"""Every code in Slack's lists, for the methods that the bot calls, has a sentence or a reason for silence."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from slack_sdk.errors import SlackApiError

from bot.slack import errors
from bot.slack.errors import refused
from tests.conftest import REPOSITORY

SETS: dict[str, frozenset[str]] = {
    "answered directly, with the reason": frozenset(errors.CLOSED),
    "silence: somebody deleted the message": errors.DELETED,
    "posted anew": errors.UNEDITABLE,
    "sent as plain text": errors.BAD_BLOCKS,
    "tried again": errors.PASSING_CODES,
    "to the operator": errors.LOCKED_OUT,
    "told as a file's": errors.FILES,
    "told as late": errors.LATE,
    "told as refused": errors.FORMS,
    "no reaction": errors.REACTIONS,
    "to the log, as our mistake": errors.MISTAKES,
}
ANY = """
access_denied accesslimited account_inactive deprecated_endpoint ekm_access_denied enterprise_is_restricted fatal_error
internal_error invalid_arg_name invalid_arguments invalid_array_arg invalid_auth invalid_charset invalid_form_data
invalid_post_type method_deprecated missing_post_type missing_scope no_permission not_allowed_token_type not_authed
org_login_required ratelimited request_timeout service_unavailable team_access_not_granted team_added_to_org
token_expired token_revoked two_factor_setup_required
"""
METHODS = {
    "auth.test": "",
    "apps.connections.open": "",
    "chat.delete": "cant_delete_message channel_not_found compliance_exports_prevent_deletion message_not_found",
    "chat.postEphemeral": """cannot_reply_to_message channel_not_found invalid_attachments invalid_blocks
        invalid_blocks_format is_archived is_bot markdown_text_conflict message_limit_exceeded messages_tab_disabled
        msg_too_long no_text not_in_channel restricted_action too_many_attachments unknown_method
        user_not_in_channel""",
    "chat.postMessage": """agent_prompt_display_not_allowed app_access_restricted as_user_not_supported
        attachment_payload_limit_exceeded cannot_reply_to_message channel_not_found draft_already_deleted
        draft_already_sent draft_has_conflict draft_not_found duplicate_channel_not_found duplicate_message_not_found
        invalid_blocks invalid_blocks_format invalid_metadata_format
        invalid_metadata_schema is_archived markdown_text_conflict message_limit_exceeded messages_tab_disabled
        metadata_must_be_sent_from_app metadata_too_large missing_file_data msg_blocks_too_long msg_too_long no_text
        not_in_channel rate_limited restricted_action restricted_action_non_threadable_channel
        restricted_action_read_only_channel restricted_action_thread_locked restricted_action_thread_only_channel
        send_on_behalf_not_allowed slack_connect_canvas_sharing_blocked slack_connect_file_link_sharing_blocked
        slack_connect_lists_sharing_blocked team_not_found too_many_attachments too_many_contact_cards""",
    "chat.update": """as_user_not_supported block_mismatch cant_broadcast_message cant_update_message channel_not_found
        edit_window_closed external_channel_migrating invalid_attachments invalid_blocks invalid_blocks_format
        invalid_metadata_format invalid_metadata_schema is_inactive markdown_text_conflict message_not_found
        metadata_must_be_sent_from_app metadata_too_large msg_too_long no_dual_broadcast_content_update no_text
        slack_connect_file_link_sharing_blocked streaming_state_conflict team_not_found too_many_attachments
        update_failed""",
    "conversations.history": """channel_is_limited_access channel_not_found invalid_cursor invalid_metadata_filter_keys
        invalid_ts_latest invalid_ts_oldest not_in_channel pagination_not_available""",
    "conversations.replies": """channel_not_found invalid_cursor invalid_metadata_filter_keys invalid_ts_latest
        invalid_ts_oldest method_not_supported_for_channel_type missing_argument? not_in_channel? thread_not_found""",
    "files.completeUploadExternal": """channel_not_found channels_limit_exceeded file_not_found file_update_failed
        invalid_blocks invalid_channel not_in_channel posting_to_channel_denied""",
    "files.getUploadURLExternal": """alt_txt_too_large file_upload_size_restricted file_uploads_disabled
        missing_argument snippet_too_large storage_limit_reached unknown_method? unknown_snippet_type
        unknown_subtype""",
    "files.info": "file_deleted file_not_found",
    "reactions.add": """already_reacted bad_timestamp external_channel_migrating? invalid_name is_archived
        message_not_found no_access no_item_specified not_reactable thread_locked too_many_emoji
        too_many_reactions""",
    "usergroups.users.list": "is_bot no_such_subteam team_not_found? user_is_restricted",
    "views.open": """duplicate_external_id exchanged_trigger_id expired_trigger_id invalid_trigger_id
        view_too_large""",
    "views.publish": """duplicate_external_id hash_conflict missing_profile_id not_enabled not_implemented
        user_not_found? view_too_large""",
}
"""The methods that the bot calls, with the codes that Slack's pages list beside those of all methods. Compared in
November 2026 with copies of those pages (docs.slack.dev, slack-ruby/slack-api-ref); ? marks what none of them has."""
CALL = re.compile(r"\.((?:apps|auth|chat|conversations|files|reactions|usergroups|users|views)_\w+)\(")


@pytest.mark.parametrize("method", METHODS)
def test_each_code_of_slacks_lists_is_foreseen(method: str):
    foreseen = frozenset().union(*SETS.values())
    assert {*METHODS[method].replace("?", "").split(), *ANY.split()} - foreseen == set()


def test_each_code_means_one_thing():
    assert [(a, b) for a, b in combinations(SETS, 2) if SETS[a] & SETS[b]] == []


def test_the_bot_calls_no_other_method():
    """A new call brings its own list of codes."""
    called = {name for path in (REPOSITORY / "bot").rglob("*.py") for name in CALL.findall(path.read_text())}
    names = {name.replace("_", ".") for name in METHODS} | {"files.upload.v2", "usergroups.users.list"}
    assert {name.replace("_", ".") for name in called} <= names


@pytest.mark.parametrize("code", [*sorted(frozenset().union(*SETS.values())), "something_new"])
def test_a_refused_call_has_a_sentence(code: str):
    said = str(refused(SlackApiError("no", {"ok": False, "error": code})))
    assert said.endswith(".")
    assert "our side" not in said
