"""Errors of Slack's side; the tree is drawn in `recommender.errors`.

SlackError
├── DeletedFile                   deleted-file
│   └── UnknownFile
├── HiddenFile                    hidden-file: a Slack Connect file that the bot may not see, or one past Slack's limit
│   └── NoAddress
├── MissingScope                  missing-scope
│   └── LoginPage
├── ForeignFile                   foreign-file: it does not lie on Slack's own file hosts
├── DownloadFailed                download-failed
├── SlackRefused                  slack-refused: Slack does not do what the bot asks of it
├── OddPayload                    odd-payload: Slack left out what an answer needs
├── NoRoom                        no-room: the disk of the bot is full
├── RateLimited                   rate-limited: the person or the team asks too much
├── QueueFull                     busy
├── QueueAway                     queue-away: Redis does not answer, and nothing is accepted that might be lost
├── NotInstalled                  not-installed: the workspace has removed the app, or never installed it
├── InstallationsAway             installations-away: the database of installations does not answer
├── NotAllowed                    not-allowed: only some people may do that
└── OldCatalogue                  old-catalogue: a button of an answer from a catalogue that has been replaced
"""

from __future__ import annotations

from recommender.errors import SoundalikeError


class SlackError(SoundalikeError):
    """Slack, or a limit on what people may ask of the bot, stands in the way."""

    code = "slack"


class DeletedFile(SlackError):
    code = "deleted-file"


class UnknownFile(DeletedFile):
    """Slack knows no such file: it is gone, lies where the bot may not look, or is a moment old."""


class HiddenFile(SlackError):
    code = "hidden-file"


class NoAddress(HiddenFile):
    """Slack has no address for the file yet, or never will."""


class MissingScope(SlackError):
    code = "missing-scope"


class LoginPage(MissingScope):
    """Slack serves its login page in place of the file: the scope is missing, or the file is a moment old."""


class ForeignFile(SlackError):
    code = "foreign-file"


class DownloadFailed(SlackError):
    code = "download-failed"


class SlackRefused(SlackError):
    code = "slack-refused"


class OddPayload(SlackError):
    code = "odd-payload"


class NoRoom(SlackError):
    code = "no-room"


class RateLimited(SlackError):
    code = "rate-limited"


class QueueFull(SlackError):
    code = "busy"


class QueueAway(SlackError):
    code = "queue-away"


class NotInstalled(SlackError):
    code = "not-installed"


class InstallationsAway(SlackError):
    code = "installations-away"


UNCONNECTED = (InstallationsAway, NotInstalled)
"""There is no token, and so nobody can be told: the job ends, or waits."""


class NotAllowed(SlackError):
    code = "not-allowed"


class OldCatalogue(SlackError):
    code = "old-catalogue"


def lacking(scope: str) -> MissingScope:
    """Return the error for a scope that the app's token has not."""
    return MissingScope(f"I lack the scope {scope}: ask whoever installed me to add it and to reinstall the app.")
