"""The Slack app manifest: one source for Socket Mode and for HTTP mode.

`bot/manifest.json` is what `python -m bot manifest` prints, for pasting into https://api.slack.com/apps?new_app=1;
with `--url https://…` it is the variant for HTTP mode.
"""

from __future__ import annotations

import json
from typing import Any

from bot.settings import BotSettings
from bot.slack.names import (
    COMMAND,
    EVENTS,
    EVENTS_PATH,
    FIND_SIMILAR,
    INSTALLATION_EVENTS,
    OPTIONAL_SCOPES,
    REDIRECT_PATH,
    scopes_of,
)

SCHEMA = "https://raw.githubusercontent.com/slackapi/manifest-schema/main/manifest.schema.2.0.0.json"


def manifest(url: str | None = None, settings: BotSettings | None = None) -> dict[str, Any]:
    """Return the manifest; url: where Slack reaches `bot.wsgi`, None for Socket Mode; settings: whose buttons it
    allows, and whether workspaces install it by themselves: none and not where None."""
    many = settings is not None and settings.many
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
                    "usage_hint": "WORDS or ID [+ …] [- …] [top N] [only LABEL] [not LABEL] [here] | random | help",
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
            **({"redirect_urls": [url.rstrip("/") + REDIRECT_PATH]} if many and url else {}),
            "scopes": {
                "bot": sorted((*scopes_of(settings), *OPTIONAL_SCOPES)),
                "bot_optional": list(OPTIONAL_SCOPES),
            },
        },
        "settings": {
            "event_subscriptions": {"bot_events": [*EVENTS, *(INSTALLATION_EVENTS if many else ())]}
            | ({"request_url": request_url} if request_url else {}),
            "interactivity": {"is_enabled": True}
            | ({"request_url": request_url, "message_menu_options_url": request_url} if request_url else {}),
            "org_deploy_enabled": True,  # else an app made on an Enterprise organisation gets no events
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": many,
        },
    }


def as_text(url: str | None = None, settings: BotSettings | None = None) -> str:
    """Return the manifest as it stands in a file."""
    return json.dumps(manifest(url, settings), indent=2, ensure_ascii=False) + "\n"
