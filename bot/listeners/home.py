"""The App Home, and the first visit of the direct messages."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import redis
from slack_bolt import Ack, App, BoltResponse
from slack_sdk.errors import SlackApiError

from bot.listeners.context import Context
from bot.listeners.message_events import accept_question
from bot.messages import HomeFacts, home_view, welcome
from bot.messages.button_values import ButtonValue
from bot.operations.health import Health
from bot.operations.requests import Request
from bot.questions import Typed
from bot.queue import keys
from bot.slack.errors import UNREACHED, code_of
from bot.slack.payloads import need, text
from recommender.errors import SoundalikeError

_log = logging.getLogger(__name__)


def register(app: App, context: Context) -> None:
    """Register the listeners of visits, and of the button that asks a question again."""
    health = Health(context.services)

    @app.event("app_home_opened")
    def opened(event: dict[str, Any]) -> None:
        if event.get("tab", "home") == "home":
            user = need(event, "user")
            context.submit("home", user, lambda request: _publish(context, health, user, request))
        elif event.get("tab") == "messages":
            user, room = need(event, "user"), need(event, "channel")
            context.submit("welcome", user, lambda request: _welcome(context, user, room, request))

    @app.action("repeat")
    def repeat(ack: Ack, action: dict[str, Any], body: dict[str, Any]) -> BoltResponse:
        user = need(body, "user", "id")
        question = ButtonValue.read(action).asked
        mark = f"repeat:{text(action, 'action_ts') or need(body, 'trigger_id')}"
        accept_question(context, user, user, mark, Typed("similar", question))
        return ack()


def _welcome(context: Context, user: str, room: str, request: Request) -> None:
    """Welcome a person once: better not at all than twice."""
    try:
        first = context.services.redis.set(keys.welcomed(user), 1, nx=True)
    except redis.RedisError:
        first = None
    if not first:
        request.outcome = "repeated"
        return
    try:
        context.services.once.chat_postMessage(channel=room, **welcome().payload())
    except SlackApiError as error:
        _log.warning("nobody is welcomed: Slack says %s", code_of(error))
    except UNREACHED as error:
        _log.warning("nobody is welcomed (%s)", type(error).__name__)


def _publish(context: Context, health: Health, user: str, request: Request) -> None:
    with request.timings("look"):
        services = tuple((name, state.works, state.remark) for name, state in health.states().items())
        answers = context.services.manners.default.answers
        facts = HomeFacts(answers=answers, services=services, history=context.services.history.of(user))
        try:
            catalogue = context.services.recommender.catalogue
            manifest = catalogue.facts
            facts = HomeFacts(
                answers=answers,
                clips=manifest.clips,
                labels=manifest.labels,
                built=f"{datetime.fromisoformat(manifest.built):%-d %B %Y at %H:%M %Z}",
                catalogues=tuple((name, len(each)) for name, each in catalogue.members.items() if name),
                services=services,
                history=facts.history,
            )
        except SoundalikeError as error:
            request.failed(error)
    context.services.client.views_publish(user_id=user, view=home_view(facts))
