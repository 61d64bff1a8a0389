"""A workspace removes the app, or its token: what is remembered of it goes, too."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import redis
from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot.errors import InstallationsAway, NotInstalled, QueueAway
from bot.intake.acceptance import AWAY
from bot.listeners.context import Context
from bot.operations.forget import forget_workspace
from bot.slack.client import STALE
from bot.slack.errors import UNREACHED, code_of
from bot.slack.installations import Installations
from bot.workspaces import Workspace, current, within

_log = logging.getLogger(__name__)


def register(app: App, context: Context, installations: Installations) -> None:
    """Register the listeners of both events."""

    @app.event("app_uninstalled")
    def uninstalled(body: dict[str, Any]) -> None:
        remove(body)

    @app.event("tokens_revoked")
    def revoked(event: dict[str, Any], body: dict[str, Any]) -> None:
        tokens = event.get("tokens")
        if isinstance(tokens, dict) and tokens.get("bot"):
            remove(body)

    def remove(body: dict[str, Any]) -> None:
        """Remove both; either may be done again, and is where Slack is not told that it is done."""
        told = body.get("event_time")
        at = float(told) if isinstance(told, (int, float)) else time.time()
        for workspace in _removed(context, installations, current()):
            if not installations.remove(workspace, at):
                continue
            try:
                removed = forget_workspace(context.services.redis, context.services.queue, workspace.id)
            except redis.RedisError as error:
                raise QueueAway(AWAY) from error
            _log.info("%s has removed the app: %d keys are removed", workspace.id, sum(removed.values()))


def _removed(context: Context, installations: Installations, workspace: Workspace) -> Iterator[Workspace]:
    """Yield whose installation Slack's word of a removal is about. It does not say whether a whole organisation's has
    ended or what one of its workspaces had: an organisation's is, once Slack takes its token no more."""
    if workspace.team:
        own = installations.present(workspace)
        yield workspace
        if own:
            return
    organisation = Workspace("", workspace.enterprise)
    if not organisation.id:
        return
    with within(organisation):
        try:
            context.services.client.auth_test()
        except NotInstalled:
            yield organisation  # told before, and what was kept may be there still
        except SlackApiError as error:
            if code_of(error) in STALE:
                yield organisation
        except UNREACHED as error:
            raise InstallationsAway("I cannot ask Slack about the installation: try again in a minute.") from error
