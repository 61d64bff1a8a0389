"""Builds the Bolt app out of settings and a Recommender."""

from __future__ import annotations

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse

from bot.errors import InstallationsAway, OddPayload, QueueAway, QueueFull
from bot.listeners import (
    actions,
    channel_settings,
    commands,
    files,
    home,
    installations,
    library,
    mentions,
    modal,
    picture,
    shortcuts,
    uploads,
)
from bot.listeners.context import Context
from bot.listeners.replies import Place
from bot.slack import oauth
from bot.slack.payloads import text
from bot.workspaces import within
from recommender.errors import SoundalikeError

AGAIN = (InstallationsAway, QueueAway, QueueFull)
"""What Slack is to deliver again."""

_log = logging.getLogger(__name__)

SURFACES = (commands, uploads, mentions, shortcuts, actions, files, picture, library, modal, home, channel_settings)


class _App(App):
    """Handles each request within its workspace."""

    def dispatch(self, req: BoltRequest) -> BoltResponse:
        """Handle a request; its listeners run in this thread."""
        with within(oauth.workspace_asking(req.context)):
            return super().dispatch(req)


def build_app(context: Context) -> App:
    """Build the app with all listeners; raises slack_sdk's errors where Slack refuses the token."""
    authorization = oauth.authorization(context.services.settings, context.services.installations)
    app = _App(
        name="soundalike",
        **authorization,
        client=context.services.client,
        # Whatever comes by HTTP has passed `wsgi.gate`; Bolt's own check raises at some bad signatures, and its error
        # handler would then answer an address that anybody may have named.
        request_verification_enabled=False,
        # Listeners run before the acknowledgement, in the thread that received the event: that is how an upload can be
        # queued first. None of them waits for more than Redis; the pool does the rest.
        process_before_response=True,
        listener_executor=ThreadPoolExecutor(1),
    )
    for surface in SURFACES:
        surface.register(app, context)
    if context.services.installations is not None:
        installations.register(app, context, context.services.installations)

    @app.error
    def tell(error: Exception, body: dict[str, Any]) -> BoltResponse:
        return _tell(context, error, body)

    return app


def _tell(context: Context, error: Exception, body: dict[str, Any]) -> BoltResponse:
    """Map what a listener raised: people are told in the acknowledgement or through the response_url. An event that
    could not be taken on stays unacknowledged, so that Slack delivers it again."""
    user = text(body, "user", "id") or text(body, "user_id")
    with context.services.observer.request("error", uuid.uuid4().hex[:12], user) as request:
        message = context.answerer.sentence(error, request)
    if isinstance(error, OddPayload):
        kind = text(body, "event", "type") or text(body, "type")
        _log.warning("Slack sent an odd payload of type %s: %s", kind, error)
    if body.get("type") == "event_callback":
        told = isinstance(error, SoundalikeError) and not isinstance(error, AGAIN)
        return BoltResponse(status=200 if told else 503)
    if body.get("command"):
        return BoltResponse(status=200, body={"response_type": "ephemeral", **message.payload()})
    if body.get("type") == "block_suggestion":
        _log.warning("no options were offered (%s)", request.code)  # a letter was typed: no reason to write to anybody
    else:
        context.respond(Place.of_interaction(body), message, replace_original=False)
    return BoltResponse(status=200)
