"""What the bot reads of Slack's payloads is in the fields of Slack's public samples (slackapi/java-slack-sdk,
json-logs/samples): their names alone, as they are needed here."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

WRAPPER = "token team_id enterprise_id api_app_id event type event_id event_time authorizations event_context"
MESSAGE = """
type subtype text blocks attachments files upload display_as_bot user parent_user_id ts thread_ts channel event_ts
channel_type bot_id edited team user_team source_team metadata
"""
FIELDS = {
    "reaction_added": "type user reaction item_user item event_ts",
    "item": "type channel ts",
    "file_shared": "file_id user_id file channel_id type event_ts",
    "message": MESSAGE,
    "app_mention": MESSAGE,
    "tokens_revoked": "type tokens",
    "app_home_opened": "type user channel tab event_ts view",
    "command": """
        token api_app_id team_id team_domain enterprise_id enterprise_name channel_id channel_name user_id user_name
        command text response_url trigger_id
    """,
    "block_actions": """
        type enterprise team user api_app_id token container trigger_id channel message view state actions response_url
    """,
    "action": "action_id block_id text value type style action_ts selected_option selected_options",
    "selected_option": "text value",
    "container": "type message_ts attachment_id channel_id view_id text is_ephemeral thread_ts",
    "block_suggestion": "type value user team channel container",
    "message_action": """
        type callback_id trigger_id message_ts response_url message enterprise team user channel token action_ts
        is_enterprise_install
    """,
    "view_submission": "type enterprise team user api_app_id token trigger_id view is_enterprise_install",
    "view": "id team_id type private_metadata callback_id external_id state hash root_view_id app_id bot_id",
    "file": """
        id created timestamp name title mimetype filetype pretty_type user user_team mode file_access subtype
        duration_ms is_external external_type size url_private url_private_download permalink is_public shares
    """,
    "share": "reply_users reply_users_count reply_count ts thread_ts latest_reply channel_name team_id",
    "user": "id username name team_id",
    "team": "id domain enterprise_id enterprise_name",
    "channel": "id name",
    "edited": "user ts",
    "event": "type",
    "metadata": "event_type event_payload",
    "attachment": "fallback from_url original_url title title_link text pretext ts channel_id author_id files",
    "auth.test": "ok url team user team_id user_id bot_id is_enterprise_install app_id enterprise_id",
    "chat.postMessage": "ok channel ts message",
    "conversations.replies": "ok messages has_more",
    "files.info": "ok file comments",
    "usergroups.users.list": "ok users",
}
OURS = {"values", "clip", "files", "selected_options", "value", "response_url", "private_metadata", "id", "job"}
"""What the bot itself put into its form and its metadata, below what Slack names."""
READERS = {
    "bot/app.py": {"body": f"command block_actions message_action view_submission {WRAPPER}"},
    "bot/listeners/actions.py": {"body": "block_actions", "action": "action"},
    "bot/listeners/channel_settings.py": {"event": "reaction_added", "body": "block_actions", "action": "action"},
    "bot/listeners/commands.py": {"command": "command"},
    "bot/listeners/files.py": {"body": "block_actions"},
    "bot/listeners/home.py": {"event": "app_home_opened", "body": "block_actions", "action": "action"},
    "bot/listeners/installations.py": {"event": "tokens_revoked", "body": "wrapper"},
    "bot/listeners/library.py": {"body": "block_actions", "found": "usergroups.users.list"},
    "bot/listeners/mentions.py": {"event": "app_mention", "body": "wrapper"},
    "bot/listeners/message_events.py": {
        "event": "message",
        "body": "wrapper",
        "message": "message",
        "each": "message attachment",
        "file": "file",
    },
    "bot/listeners/modal.py": {
        "body": "view_submission",
        "view": "view",
        "payload": "block_suggestion",
        "file": "file",
    },
    "bot/listeners/replies.py": {"command": "command", "body": "block_actions message_action view_submission"},
    "bot/listeners/shortcuts.py": {"shortcut": "message_action", "message": "message"},
    "bot/listeners/uploads.py": {"event": "file_shared message", "body": "wrapper", "file": "file"},
    "bot/slack/files.py": {"data": "file", "entry": "share"},
    "bot/slack/payloads.py": {"body": f"command block_actions {WRAPPER} context_team_id"},
    "bot/answering/mentions.py": {"found.data": "conversations.replies", "each": "message"},
    "bot/answering/posts.py": {"answer": "chat.postMessage", "found": "conversations.replies", "each": "message"},
    "bot/operations/check.py": {"answer": "auth.test"},
}
"""Which module reads which payload or answer, by the name of its variable."""


def read_of(source: str, variable: str) -> list[tuple[str, ...]]:
    """Return the paths of keys that a module reads of a variable."""
    name = re.escape(variable)
    plain = re.findall(rf'\b{name}(?:\.get\(|\[)"([a-z_]+)"', source)
    by_path = re.findall(rf'\b(?:text|need|mapping|items)\({name}((?:, [\'"][a-z_]+[\'"])+)', source)
    return [(key,) for key in plain] + [tuple(re.findall(r"[a-z_]+", path)) for path in by_path]


@pytest.mark.parametrize("path", READERS)
def test_no_field_is_read_that_slacks_samples_lack(path: str):
    source = (REPOSITORY / path).read_text()
    for variable, kinds in READERS[path].items():
        known = set(WRAPPER.split() if "wrapper" in kinds else ())
        for kind in kinds.split():
            known |= {kind, *FIELDS.get(kind, "").split()}
        for first, *more in read_of(source, variable):
            assert first in known, (variable, first)
            for outer, key in zip([first, *more], more, strict=False):
                assert key in {*FIELDS.get(outer, "").split(), *OURS}, (variable, first, *more)


def test_the_paths_are_found():
    source = (
        """need(body, "user", "id"), f"{text(body, 'action_ts')}", body.get("team"), body["channel"], text(e, "ts")"""
    )
    assert read_of(source, "body") == [("team",), ("channel",), ("user", "id"), ("action_ts",)]


def test_every_module_that_reads_payloads_is_listed():
    reading = re.compile(r'\b(?:event|body|command|shortcut)(?:\.get\(|\[)"|\b(?:text|need|mapping|items)\(')
    modules = {path for path in (REPOSITORY / "bot/listeners").glob("*.py") if reading.search(path.read_text())}
    assert {f"bot/listeners/{path.name}" for path in modules} <= set(READERS)
