"""What Slack's word of a removal is about: it names a workspace, an organisation, or both, and no more."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from slack_bolt import BoltRequest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import workspaces
from bot.app import _App
from bot.errors import NotInstalled
from bot.listeners.installations import register
from bot.queue import keys
from bot.queue.tasks import RedisQueue
from bot.slack import oauth
from bot.slack.client import open_installations, web_client
from bot.slack.installations import NOT_HERE, Installations
from bot.workspaces import Workspace, within
from tests.bot.slack.test_installations import install, settings

ALONE, MEMBER, ORG = Workspace("T0ONE"), Workspace("T0TWO", "E0ORG"), Workspace("", "E0ORG")


class Removals:
    """An app that learns of removals. dead: the tokens that Slack takes no more."""

    def __init__(self, folder: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        known = settings(folder)
        opened = open_installations(known)
        assert opened is not None
        opened.prepare()
        self.installations: Installations = opened
        self.client = web_client(known, opened)
        self.redis = redis.Redis.from_url(redis_url)
        self.dead: set[str | None] = set()
        monkeypatch.setattr(WebClient, "api_call", self.answer)
        services: Any = SimpleNamespace(client=self.client, redis=self.redis, queue=RedisQueue(redis_url))
        context: Any = SimpleNamespace(services=services)
        self.app = _App(
            **oauth.authorization(known, opened),
            client=self.client,
            request_verification_enabled=False,
            process_before_response=True,
        )
        register(self.app, context, opened)

    def answer(self, *_: Any, **how: Any) -> dict[str, Any]:
        if self.client.token in self.dead:
            raise SlackApiError("no", {"ok": False, "error": "account_inactive"})
        return {"ok": True}

    def tell(self, event: dict[str, Any], **named: Any) -> int:
        body = {"type": "event_callback", "event": event, "event_time": int(time.time()) + 5, **named}
        request = BoltRequest(body=json.dumps(body), headers={"content-type": ["application/json"]})
        return int(self.app.dispatch(request).status)

    def left(self) -> list[str]:
        """Return the ids of those that are installed still, and of whom something is kept."""
        installed = []
        for workspace in (ALONE, MEMBER, ORG):
            with within(workspace):
                kept = bool(self.redis.exists(keys.welcomed("U1")))
                try:
                    self.installations.bot(workspace, afresh=True)
                except NotInstalled:
                    assert not kept
                else:
                    assert kept
                    installed.append(workspace.id)
        return installed


@pytest.fixture
def removals(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    made = Removals(tmp_path, redis_url, monkeypatch)
    for workspace in (ALONE, MEMBER, ORG):
        install(made.installations, workspace, f"xoxb-{workspace.id}")
        with within(workspace):
            made.redis.set(keys.welcomed("U1"), 1)
    yield made
    workspaces.expect_many(False)


EVENTS = [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}}]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    ("named", "dead", "left"),
    [
        ({"team_id": "T0ONE"}, [], ["T0TWO", "E0ORG"]),
        ({"team_id": "T0TWO", "enterprise_id": "E0ORG"}, [], ["T0ONE", "E0ORG"]),  # its own, beside the organisation's
        # An organisation's, however Slack names it:
        ({"team_id": None, "enterprise_id": "E0ORG", "is_enterprise_install": True}, ["E0ORG"], ["T0ONE", "T0TWO"]),
        ({"team_id": None, "enterprise_id": "E0ORG"}, ["E0ORG"], ["T0ONE", "T0TWO"]),
        ({"team_id": "E0ORG"}, ["E0ORG"], ["T0ONE", "T0TWO"]),
        ({"team_id": "T0OTHER", "enterprise_id": "E0ORG"}, ["E0ORG"], ["T0ONE", "T0TWO"]),
        # One of its workspaces is left out, or had been: the organisation goes on.
        ({"team_id": "T0OTHER", "enterprise_id": "E0ORG"}, [], ["T0ONE", "T0TWO", "E0ORG"]),
        (
            {"team_id": "T0OTHER", "enterprise_id": "E0ORG", "is_enterprise_install": True},
            [],
            ["T0ONE", "T0TWO", "E0ORG"],
        ),
        # Nobody, or nobody known.
        ({}, [], ["T0ONE", "T0TWO", "E0ORG"]),
        ({"team_id": "T0NONE"}, [], ["T0ONE", "T0TWO", "E0ORG"]),
    ],
)
def test_what_has_ended_is_removed_and_nothing_else(
    removals: Removals, event: dict[str, Any], named: dict[str, Any], dead: list[str], left: list[str]
):
    removals.dead = {f"xoxb-{each}" for each in dead}
    for _ in range(2):  # Slack tells of each token and of the app
        assert removals.tell(event, **named) == 200
        assert removals.left() == left


@pytest.mark.parametrize(
    "named", [{}, {"team_id": "T0NONE"}, {"enterprise_id": "E0NONE"}, {"team_id": "", "enterprise_id": ""}]
)
def test_who_has_not_installed_it_is_told_so_and_nothing_is_done(removals: Removals, named: dict[str, str]):
    @removals.app.command("/similar")
    def never(ack: Any) -> None:
        raise AssertionError

    body = urlencode({"command": "/similar", "text": "rain", "user_id": "U1", "channel_id": "C1", **named})
    request = BoltRequest(body=body, headers={"content-type": ["application/x-www-form-urlencoded"]})
    assert removals.app.dispatch(request).body == NOT_HERE
