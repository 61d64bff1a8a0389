"""Who may change settings and add to a library: people and user groups that are listed."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from slack_sdk.errors import SlackApiError

from bot.errors import MissingScope, NotAllowed
from bot.listeners.permissions import require_listed


def asked(user: str, *listed: str, client: Mock) -> None:
    require_listed(client, user, "T1", frozenset(listed), "change this", "CHANNEL_SETTERS")


def test_who_is_listed_may_without_a_call():
    client = Mock()
    asked("U1", "U1", "S1", client=client)
    assert not client.usergroups_users_list.called


def test_a_user_group_is_asked_for_in_the_persons_workspace():
    client = Mock()
    client.usergroups_users_list.return_value = {"users": ["U2"]}
    asked("U2", "S1", client=client)
    client.usergroups_users_list.assert_called_once_with(usergroup="S1", team_id="T1")
    with pytest.raises(NotAllowed, match="CHANNEL_SETTERS"):
        asked("U3", "U1", "S1", client=client)


@pytest.mark.parametrize(
    ("code", "raised"),
    [("no_such_subteam", NotAllowed), ("missing_scope", MissingScope), ("fatal_error", SlackApiError)],
)
def test_a_group_that_slack_does_not_tell_lets_nobody_in(code: str, raised: type[Exception]):
    client = Mock()
    client.usergroups_users_list.side_effect = SlackApiError("no", {"ok": False, "error": code})
    with pytest.raises(raised):
        asked("U2", "S1", client=client)
