"""What the app is known by in Slack: its command, its shortcut, its scopes and its events."""

from __future__ import annotations

from bot.settings import BotSettings

COMMAND = "/similar"
FIND_SIMILAR = "find_similar"
"""Callback id of the message shortcut."""
EAR_REACTION = "ear"
EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
SCOPES = ("app_mentions:read", "chat:write", "commands", "files:read", "im:history")
"""The least that all surfaces need. app_mentions:read, im:history: the events; files:read: `file_shared`, `files.info`
and downloads."""
FILES_SCOPE = "files:write"
"""For the excerpts, lists and pictures that the bot posts."""
GROUPS_SCOPE = "usergroups:read"
"""For user groups among those who may add uploads to the library or change a channel's settings."""
OPTIONAL_SCOPES = ("channels:history", "groups:history", "mpim:history", "reactions:read", "reactions:write")
"""Messages of channels and group messages that the bot is in: they tell of files whose `file_shared` or mention never
comes (shared channels), and let the bot look, after a crash between posting and noting it, whether a placeholder stands
in a thread; without them it may post that placeholder twice. Reactions: for channels where the bot reacts with an ear,
and answers on a click. Who installs the app may leave them out."""
EVENTS = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "file_shared": "files:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
}
"""What the app subscribes to, and the scope that each event needs."""

INSTALLATION_EVENTS = ("app_uninstalled", "tokens_revoked")
"""Those of an app that workspaces install by themselves; they need no scope."""


def scopes_of(settings: BotSettings | None) -> tuple[str, ...]:
    """Return the scopes that the app needs with these settings: each button of a library brings its own."""
    more = []
    if settings is not None and settings.listen_button:
        more.append(FILES_SCOPE)
    listed = settings.librarians | settings.channel_changers if settings is not None else ()
    if any(who.rpartition("/")[2].startswith("S") for who in listed):
        more.append(GROUPS_SCOPE)
    return tuple(sorted((*SCOPES, *more)))
