"""Ids and secrets of the local workspace; tests, the bot's settings and the page agree on them."""

from __future__ import annotations

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - opens nothing but this sandbox
APP_TOKEN = "xapp-sandbox"  # noqa: S105
SIGNING_SECRET = "sandbox"  # noqa: S105
CLIENT_ID = "1.sandbox"
OPTIONAL_SCOPES = ("channels:history", "groups:history", "mpim:history", "reactions:read", "reactions:write")
"""What whoever installs the app may leave out, and does here."""
CLIENT_SECRET = "sandbox-client"  # noqa: S105
VERIFICATION_TOKEN = "sandbox"  # noqa: S105 - what payloads carry beside their signature

TEAM = "T0SANDBOX"
OTHER_TEAM = "T0OTHER"
"""Another workspace, whose people share channels with this one."""
ENTERPRISE = "E0SANDBOX"
"""The organisation, where the app is installed for all of it."""
DOMAIN = "sandbox"
APP = "A0SOUND"
BOT_ID = "B0SOUND"
BOT = "U0SOUND"
"""The bot's user id, as mentions name it."""
ADA = "U0ADA"
BEN = "U0BEN"
MIA = "U0MIA"
SOUND_TEAM = "S0SOUND"
"""The user group @sound-team: Ada and Mia."""
SLACKBOT = "USLACKBOT"
SOUNDS = "C0SOUNDS"
"""The channel #sounds, which the bot is a member of."""
RANDOM = "C0RANDOM"
"""The channel #random, which the bot is not a member of."""


def direct_message(user: str) -> str:
    """The id of a person's direct message with the bot."""
    return "D" + user[1:]


def slack_environment(url: str) -> dict[str, str]:
    """Return the settings by which an app reaches the sandbox at an address."""
    return {
        "SLACK_API_URL": f"{url}/api/",
        "SLACK_FILE_HOSTS": f"{url},{url.replace('127.0.0.1', 'localhost')}",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    }
