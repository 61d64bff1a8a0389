"""Errors of Slack's side; the tree is drawn in `recommender.errors`.

SlackError
├── DeletedFile                   deleted-file
├── HiddenFile                    hidden-file: a Slack Connect file that the bot may not see, or one past Slack's limit
├── MissingScope                  missing-scope
├── ForeignFile                   foreign-file: it does not lie on Slack's own file hosts
├── DownloadFailed                download-failed
├── NoRoom                        no-room: the disk of the bot is full
├── RateLimited                   rate-limited: the person or the team asks too much
├── QueueFull                     busy
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


class HiddenFile(SlackError):
    code = "hidden-file"


class MissingScope(SlackError):
    code = "missing-scope"


class ForeignFile(SlackError):
    code = "foreign-file"


class DownloadFailed(SlackError):
    code = "download-failed"


class NoRoom(SlackError):
    code = "no-room"


class RateLimited(SlackError):
    code = "rate-limited"


class QueueFull(SlackError):
    code = "busy"


class NotAllowed(SlackError):
    code = "not-allowed"


class OldCatalogue(SlackError):
    code = "old-catalogue"
