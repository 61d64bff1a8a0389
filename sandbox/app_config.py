"""The app as its manifest describes it: scopes, events, commands and shortcuts, and where it is reached."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import PersonRefusal

DEFAULT_SCOPES = (
    "app_mentions:read",
    "chat:write",
    "commands",
    "files:read",
    "im:history",
)
DEFAULT_EVENTS = (
    "app_home_opened", "app_mention", "file_shared", "message.channels", "message.groups", "message.im",
    "message.mpim", "reaction_added",
)  # fmt: skip


def _default_commands() -> list[dict[str, str]]:
    return [
        {
            "command": "/similar",
            "description": "Find clips that sound alike",
            "usage_hint": "[words, clip id or URL] [top N] [only LABEL] [not LABEL] [here]",
        }
    ]


def _default_shortcuts() -> list[dict[str, str]]:
    return [
        {
            "name": "Find similar clips",
            "type": "message",
            "callback_id": "find_similar",
            "description": "Find clips that sound like this message's audio",
        }
    ]


@dataclass
class AppConfig:
    """What the workspace has granted the app and knows of it. An empty request_url means Socket Mode; org: the app is
    installed for a whole organisation; redirect_url: where its installation page leads back to; rotating: its tokens
    end, and are renewed."""

    name: str = "Soundalike"
    scopes: list[str] = field(default_factory=lambda: list(DEFAULT_SCOPES))
    events: list[str] = field(default_factory=lambda: list(DEFAULT_EVENTS))
    commands: list[dict[str, str]] = field(default_factory=_default_commands)
    shortcuts: list[dict[str, str]] = field(default_factory=_default_shortcuts)
    request_url: str = ""
    options_url: str = ""
    org: bool = False
    redirect_url: str = ""
    rotating: bool = False

    @classmethod
    def from_manifest(cls, path: Path) -> AppConfig:
        """Read a Slack app manifest (JSON), installed without its optional scopes; raises `PersonRefusal` where it
        cannot be read, or breaks Slack's rule for these."""
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            features, settings = manifest["features"], manifest.get("settings", {})
            scopes = manifest["oauth_config"]["scopes"]["bot"]
            optional = manifest["oauth_config"]["scopes"].get("bot_optional", [])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PersonRefusal(f"{path} is no app manifest that can be read: {error!r}") from error
        if alone := sorted(set(optional) - set(scopes)):
            raise PersonRefusal(f"Optional scopes must also be listed under bot: {', '.join(alone)}")
        return cls(
            name=features.get("bot_user", {}).get("display_name", cls.name),
            scopes=[scope for scope in scopes if scope not in optional],
            events=list(settings.get("event_subscriptions", {}).get("bot_events", [])),
            commands=list(features.get("slash_commands", [])),
            shortcuts=list(features.get("shortcuts", [])),
            rotating=bool(settings.get("token_rotation_enabled")),
            redirect_url=next(iter(manifest["oauth_config"].get("redirect_urls", [])), ""),
        )

    def change(self, settings: dict[str, Any]) -> None:
        """Set some fields; raises `PersonRefusal` for a field that does not exist."""
        for name, value in settings.items():
            current = getattr(self, name, None)
            if current is None or not isinstance(value, type(current)):
                raise PersonRefusal(f"the app has no setting {name!r} of that type")
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return all fields."""
        return asdict(self)
