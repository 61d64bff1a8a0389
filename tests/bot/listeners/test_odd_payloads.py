"""Whatever Slack leaves out, sends as null or as another type: every payload is answered, and no listener breaks."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from slack_bolt import App, BoltRequest
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from bot.answering.answerer import Answerer
from bot.answering.limits import QuestionLimit
from bot.answering.manners import Manner
from bot.app import build_app
from bot.listeners.context import Context
from bot.messages.button_values import ButtonValue
from bot.operations.requests import Observer
from bot.questions import Question
from bot.settings import BotSettings
from bot.slack.payloads import items, mapping, team_of, text
from tests.bot.answers import answer

Json = dict[str, Any]

USER = {"id": "U1", "username": "ada", "name": "ada", "team_id": "T1"}
FILE = {"id": "F1", "name": "a.wav", "mimetype": "audio/wav", "filetype": "wav", "size": 10, "duration_ms": 10}
LINK = {"type": "link", "url": "https://a.example"}
BLOCKS = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [LINK]}]}]
MESSAGE = {
    "type": "message", "user": "U1", "text": "<@U0> clip1_0 top 3", "ts": "1.0", "thread_ts": "1.0", "files": [FILE],
    "blocks": BLOCKS, "attachments": [{"files": [FILE], "from_url": "https://youtu.be/1OU19ANx4fg"}],
}  # fmt: skip
PLACE = {"channel": "C1", "event_ts": "1.0"}
ASKER = {
    "user": USER, "team": {"id": "T1"}, "enterprise": None, "trigger_id": "t", "response_url": "https://hooks.slack.com/a",
    "channel": {"id": "C1", "name": "c"}, "message": {**MESSAGE, "text": "https://youtu.be/1OU19ANx4fg"},
    "container": {"type": "message", "message_ts": "1.0", "channel_id": "C1", "is_ephemeral": False},
}  # fmt: skip
VALUE = str(ButtonValue(Question("clip1_0"), "catalogue1", "clip1_0", "F1"))
INPUTS = {
    "clip": {"clip": {"value": "clip1_0"}},
    "files": {"files": {"files": [FILE]}},
    "only": {"only": {"selected_options": [{"value": "Jazz"}]}},
    "without": {"without": {"selected_options": []}},
}
ACTIONS = ["more_like", "next_ten", "share", "where_matched", "repeat", "listen", "add_to_library"]


def event(inner: Json) -> Json:
    return {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event_time": 1, "event": inner}


def action(name: str, **more: Any) -> Json:
    pressed = {"type": "button", "block_id": "b", "action_id": name, "value": VALUE, "action_ts": "1.0", **more}
    return {"type": "block_actions", **ASKER, "actions": [pressed]}


PAYLOADS: dict[str, Json] = {
    "mention": event({**MESSAGE, **PLACE, "type": "app_mention", "edited": {"user": "U1", "ts": "2.0"}}),
    "direct": event({**MESSAGE, **PLACE, "channel_type": "im"}),
    "shared in a channel": event({**MESSAGE, **PLACE, "channel_type": "channel", "subtype": "file_share"}),
    "file_shared": event({"type": "file_shared", "file_id": "F1", "user_id": "U1", "channel_id": "C1"}),
    "home": event({"type": "app_home_opened", "user": "U1", "tab": "home"}),
    "messages": event({"type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages"}),
    "command": {"command": "/similar", "text": "clip1_0", "user_id": "U1", "channel_id": "C1", "trigger_id": "t"},
    "form": {"command": "/similar", "text": "", "user_id": "U1", "channel_id": "C1", "trigger_id": "t"},
    "shortcut": {"type": "message_action", "callback_id": "find_similar", **ASKER},
    "submission": {
        "type": "view_submission", **ASKER,
        "view": {
            "type": "modal", "callback_id": "ask", "state": {"values": INPUTS},
            "private_metadata": json.dumps({"response_url": "https://hooks.slack.com/a"}),
        },
    },
    "suggestion": {"type": "block_suggestion", **ASKER, "action_id": "only", "block_id": "only", "value": "ja"},
    **{name: action(name) for name in ACTIONS},
    "settings": {"command": "/similar", "text": "settings", "user_id": "U1", "channel_id": "C1", "trigger_id": "t"},
    "answers chosen": action("channel_answers", selected_option={"value": "ear"}),
    "speech chosen": action("channel_speech", selected_options=[{"value": "no_speech"}]),
    "menu": action("result", block_id=f"1:{VALUE}", selected_option={"value": "more_like:clip1_0"}),
    "reaction": event({
        "type": "reaction_added", "user": "U1", "reaction": "ear", "event_ts": "1.0",
        "item": {"type": "message", "channel": "C1", "ts": "1.0"},
    }),
}  # fmt: skip
ODD: tuple[Any, ...] = (None, 0, True, "", "x", "\ud800", [], {}, [None], ["x"], {"x": None}, 1e999)
KEPT = {"type", "command", "callback_id", "action_id", "event", "actions", "view"}
"""By these Bolt finds the listener of a payload."""


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a payload that may be odd."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key not in KEPT and here[-1:] != ("actions",):
            yield (*here, key)
        yield from paths(inner, (*here, key))


def spoilt(payload: Json, path: tuple[Any, ...], odd: Any, gone: bool) -> Json:
    """A payload with something else, or nothing, in one place."""
    changed = copy.deepcopy(payload)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    if gone and isinstance(place, dict):
        del place[path[-1]]
    else:
        place[path[-1]] = odd
    return changed


class AtOnce(ThreadPoolExecutor):
    """A pool that works in the thread that asks."""

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - as a pool does
            done.set_exception(error)
        return done


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """The bot's listeners on parts that always answer, and a Slack that takes everything."""
    calls = pytest.MonkeyPatch()
    data = {"ok": True, "user_id": "U0", "bot_id": "B0", "users": [], "files": [{"id": "F2"}]}
    taken = SlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data=data, headers={}, status_code=200
    )
    calls.setattr(WebClient, "api_call", lambda *_, **__: taken)
    calls.setattr(WebClient, "files_upload_v2", lambda *_, **__: taken)
    posted = MagicMock(return_value=MagicMock(send_dict=MagicMock(return_value=MagicMock(status_code=200))))
    calls.setattr("bot.listeners.replies.WebhookClient", posted)
    settings = BotSettings(_env_file=None, slack_bot_token="xoxb-a", library_adders="S1", listen_button=True)
    recommender = MagicMock()
    recommender.similar.return_value = recommender.similar_to.return_value = answer()
    recommender.catalogue.id, recommender.catalogue.facts.kind = "catalogue1", "audioset"
    recommender.catalogue.facts.built = "2026-01-01T00:00:00+00:00"
    recommender.catalogue.facts.clips = recommender.catalogue.facts.labels = 3
    recommender.random.return_value = recommender.clip.return_value = recommender.clip_of_link.return_value = (
        answer().results[0].clip
    )
    recommender.labels.return_value = ["Jazz"]
    services = MagicMock(settings=settings, recommender=recommender, client=WebClient("xoxb-a"), installations=None)
    services.history.of.return_value = ()
    services.manners = MagicMock(default=Manner(), of=lambda _: Manner(), change=lambda *_, **__: Manner())
    services.observer = Observer(CollectorRegistry())
    services.answerer = Answerer(recommender, services.history, QuestionLimit(10**9), services.observer, settings)
    calls.setattr("bot.listeners.library.file_info", MagicMock(side_effect=lambda *_: MagicMock(size=1)))
    calls.setattr("bot.listeners.library.Downloader", MagicMock())
    calls.setattr("bot.listeners.library.added", lambda clip: services.answerer.sentence(ValueError(), MagicMock()))
    calls.setattr("recommender.library.excerpts.excerpt", lambda *_: b"RIFF")
    acceptance = MagicMock(files=MagicMock(return_value=["F1"]))
    context = Context(services, acceptance)
    context._pool = AtOnce()  # what follows an acknowledgement is over with it
    try:
        yield build_app(context)
    finally:
        context.close()
        calls.undo()


def sent(app: App, payload: Json, log: pytest.LogCaptureFixture) -> int:
    """Send a payload, wait for what follows, and return the status of its acknowledgement."""
    log.clear()
    try:
        request = BoltRequest(body=payload, mode="socket_mode")
    except (TypeError, AttributeError):
        reject()  # Bolt itself reads who and where, and breaks before any listener
    with log.at_level(logging.WARNING):
        return int(app.dispatch(request).status)


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_whole_payload_is_taken(app: App, name: str, caplog: pytest.LogCaptureFixture):
    assert sent(app, PAYLOADS[name], caplog) == 200
    assert "odd payload" not in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.sampled_from(sorted(PAYLOADS)), st.data())
def test_an_odd_payload_breaks_nothing(app: App, caplog: pytest.LogCaptureFixture, name: str, data: st.DataObject):
    path = data.draw(st.sampled_from(list(paths(PAYLOADS[name]))))
    payload = spoilt(PAYLOADS[name], path, data.draw(st.sampled_from(ODD)), data.draw(st.booleans()))
    assert sent(app, payload, caplog) in (200, 404)  # 404: it is none of the bot's any more
    assert "unforeseen error" not in caplog.text
    assert "Traceback" not in caplog.text


def test_what_is_read_of_odd_values_is_empty():
    odds: tuple[Any, ...] = (None, 0, [], "x", {"a": 1}, {"a": [1]})
    for odd in odds:
        assert text(odd, "a", "b") == ""
        assert mapping(odd, "a", "b") == {}
        assert items(odd, "a") == []


def test_the_team_of_a_whole_organisation_is_its_persons():
    assert team_of({"team": None, "user": {"id": "W1", "team_id": "T9"}}) == "T9"
    assert team_of({"team": {"id": "T2"}, "user": {"team_id": "T9"}}) == "T2"
    assert team_of({"team_id": None, "context_team_id": "T3"}) == "T3"
    assert team_of({}) == ""
