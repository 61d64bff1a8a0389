"""Whose installation a request is meant for, by the shapes that Slack documents and bots have met."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import BoltRequest

from bot.slack.oauth import workspace_asking

OURS = {"enterprise_id": None, "team_id": "T0ONE", "user_id": "U0BOT", "is_bot": True, "is_enterprise_install": False}
ORGS = {**OURS, "enterprise_id": "E0ORG", "is_enterprise_install": True}
FOREIGN = {
    "team_id": "T0ELSE",
    "enterprise_id": "E0ELSE",
    "context_team_id": "T0ELSE",
    "context_enterprise_id": "E0ELSE",
}
MESSAGE = {
    "type": "event_callback",
    "event": {"type": "message", "team": "T0ELSE", "user_team": "T0ELSE", "user": "U9"},
}
VIEW = {"type": "view_submission", "user": {"id": "U9", "team_id": "T0ELSE"}, "team": {"id": "T0ELSE", "domain": "x"}}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        # Events: in a channel or direct message shared with another organisation, too.
        ({**MESSAGE, "team_id": "T0ONE", "authorizations": [OURS]}, "T0ONE"),
        ({**MESSAGE, **FOREIGN, "authorizations": [OURS], "is_ext_shared_channel": True}, "T0ONE"),
        ({**MESSAGE, **FOREIGN, "authorizations": [ORGS], "is_ext_shared_channel": True}, "E0ORG"),
        ({**MESSAGE, "team_id": "T0ANY", "authorizations": [{**ORGS, "team_id": None}]}, "E0ORG"),
        # Buttons and modals: pressed and sent by people from elsewhere, too.
        ({"type": "block_actions", "team": {"id": "T0ONE"}, "user": {"id": "U9", "team_id": "T0ELSE"}}, "T0ONE"),
        ({"type": "block_actions", "team": None, "enterprise": {"id": "E0ORG"}, "is_enterprise_install": True,
          "user": {"id": "U9", "team_id": "T0ANY"}}, "E0ORG"),
        ({**VIEW, "enterprise": {"id": "E0ELSE"}, "view": {"app_installed_team_id": "T0ONE"}}, "T0ONE"),
        ({**VIEW, "enterprise": {"id": "E0ELSE"}, "is_enterprise_install": True,
          "view": {"app_installed_team_id": "E0ORG"}}, "E0ORG"),
        # Commands are forms.
        ({"command": "/x", "team_id": "T0ONE", "enterprise_id": "E0ORG", "is_enterprise_install": "false"}, "T0ONE"),
        ({"command": "/x", "team_id": "T0ANY", "enterprise_id": "E0ORG", "is_enterprise_install": "true"}, "E0ORG"),
        # Nobody.
        ({"command": "/x"}, ""),
        ({"type": "event_callback", "event": {"type": "message"}, "authorizations": []}, ""),
        ({"type": "block_actions", "team": {"id": 5}, "enterprise": {"id": ["E0ORG"]}}, ""),
    ],
)  # fmt: skip
def test_whose_a_request_is(body: dict[str, Any], found: str):
    form = "command" in body
    content = "application/x-www-form-urlencoded" if form else "application/json"
    request = BoltRequest(body=urlencode(body) if form else json.dumps(body), headers={"content-type": [content]})
    assert workspace_asking(request.context).id == found
