"""The Slack app manifest: one source for Socket Mode and for HTTP mode.

`bot/manifest.json` is what `python -m bot manifest` prints, for pasting into https://api.slack.com/apps?new_app=1;
with `--url https://…` it is the variant for HTTP mode.
"""

from __future__ import annotations

import json
from typing import Any

from bot.listeners.commands import COMMAND
from bot.listeners.shortcuts import CALLBACK as FIND_SIMILAR
from bot.settings import BotSettings

EVENTS_PATH = "/slack/events"
SCOPES = ("app_mentions:read", "chat:write", "commands", "files:read", "im:history")
"""The least that all surfaces need. app_mentions:read, im:history: the events; files:read: `file_shared`, `files.info`
and downloads."""
LISTEN_SCOPE = "files:write"
"""For the excerpts that the Listen button posts."""
GROUPS_SCOPE = "usergroups:read"
"""For user groups among those who may add uploads to the library."""
OPTIONAL_SCOPES = ("channels:history", "groups:history")
"""Messages of channels that the bot is in: they tell of files whose `file_shared` or mention never comes (shared
channels), and let the bot look, after a crash between posting and noting it, whether a placeholder stands in a thread;
without them it may post that placeholder twice. Who installs the app may leave them out."""
EVENTS = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "file_shared": "files:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
}
"""What the app subscribes to, and the scope that each event needs."""
SCHEMA = "https://raw.githubusercontent.com/slackapi/manifest-schema/main/manifest.schema.2.0.0.json"


def scopes_of(settings: BotSettings | None) -> tuple[str, ...]:
    """Return the scopes that the app needs with these settings: each button of a library brings its own."""
    more = []
    if settings is not None and settings.listen_button:
        more.append(LISTEN_SCOPE)
    if settings is not None and any(who.startswith("S") for who in settings.librarians):
        more.append(GROUPS_SCOPE)
    return tuple(sorted((*SCOPES, *more)))


def manifest(url: str | None = None, settings: BotSettings | None = None) -> dict[str, Any]:
    """Return the manifest; url: where Slack reaches `bot.wsgi`, None for Socket Mode; settings: whose buttons it
    allows, none where None."""
    request_url = url.rstrip("/") + EVENTS_PATH if url else None
    return {
        "$schema": SCHEMA,
        "_metadata": {"major_version": 2, "minor_version": 0},
        "display_information": {
            "name": "Soundalike",
            "description": "Finds clips that sound like yours: drop an audio file, or type /similar and a clip id.",
            "background_color": "#1d2b3a",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Soundalike", "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Find clips that sound alike",
                    "usage_hint": "ID [+ ID] [- ID] [top N] [only LABEL] [not LABEL] [here] | random [LABEL] | help",
                    "should_escape": False,
                    **({"url": request_url} if request_url else {}),
                }
            ],
            "shortcuts": [
                {
                    "name": "Find similar clips",
                    "type": "message",
                    "callback_id": FIND_SIMILAR,
                    "description": "Find clips that sound like this message's audio or YouTube link",
                }
            ],
        },
        # "Optional scopes must also be listed in the corresponding bot or user fields."
        "oauth_config": {
            "scopes": {
                "bot": sorted((*scopes_of(settings), *OPTIONAL_SCOPES)),
                "bot_optional": list(OPTIONAL_SCOPES),
            }
        },
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)} | ({"request_url": request_url} if request_url else {}),
            "interactivity": {"is_enabled": True}
            | ({"request_url": request_url, "message_menu_options_url": request_url} if request_url else {}),
            "org_deploy_enabled": True,  # else an app made on an Enterprise organisation gets no events
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def as_text(url: str | None = None, settings: BotSettings | None = None) -> str:
    """Return the manifest as it stands in a file."""
    return json.dumps(manifest(url, settings), indent=2, ensure_ascii=False) + "\n"
