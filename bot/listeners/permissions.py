"""Who may do what only some people may: ids of people, and of user groups whose people Slack tells."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import workspaces
from bot.errors import NotAllowed, lacking
from bot.slack.errors import code_of
from bot.slack.names import GROUPS_SCOPE

GROUP_PREFIX = "S"
"""Ids of Slack's user groups begin so, those of people with U or W."""

_log = logging.getLogger(__name__)


def require_listed(client: WebClient, user: str, team: str, listed: frozenset[str], what: str, setting: str) -> None:
    """Raise `NotAllowed` unless the person is listed, or in a user group that is. what, setting: for the sentence."""
    if workspaces.named(user) in listed:
        return
    here = workspaces.named("")  # what entries of this workspace begin with, where there are many
    own = sorted(each.removeprefix(here) for each in listed if each.startswith(here))
    groups = [each for each in own if each.startswith(GROUP_PREFIX)]
    if not any(user in _members(client, group, team, setting) for group in groups):
        raise NotAllowed(f"Only some people may {what}: ask the operator to put you on {setting}.")


def _members(client: WebClient, group: str, team: str, setting: str) -> Sequence[str]:
    """Return the people of a user group; raises `MissingScope`. team: needed where the app is installed for a whole
    organisation."""
    try:
        found = client.usergroups_users_list(usergroup=group, team_id=team or None)
        members: Sequence[str] = found.get("users") or ()
    except SlackApiError as error:
        if code_of(error) == "no_such_subteam":
            _log.error("%s names the user group %s, which Slack does not know", setting, group)
            return ()
        if code_of(error) == "missing_scope":
            raise lacking(GROUPS_SCOPE) from error
        raise
    return members
