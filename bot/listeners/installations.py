"""A workspace removes the app, or its token: what is remembered of it goes, too."""

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from slack_bolt import App

from bot.errors import QueueAway
from bot.intake.acceptance import AWAY
from bot.listeners.context import Context
from bot.operations.forget import forget_workspace
from bot.slack.installations import Installations
from bot.workspaces import current

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
        workspace, told = current(), body.get("event_time")
        at = float(told) if isinstance(told, (int, float)) else time.time()
        if not workspace.id or not installations.remove(workspace, at):
            return
        try:
            removed = forget_workspace(context.services.redis, context.services.queue, workspace.id)
        except redis.RedisError as error:
            raise QueueAway(AWAY) from error
        _log.info("%s has removed the app: %d keys are removed", workspace.id, sum(removed.values()))
