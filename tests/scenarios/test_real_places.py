"""Where the real Slack has people: group messages, threads, other workspaces, whole organisations; with
`tests.scenarios.test_real_slack` a test for each line of the table of what it does that nobody expects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.client.driver import Driver, direct_message, text_of
from sandbox.names import ADA, BOT, OTHER_TEAM, SOUNDS
from tests.scenarios.stack import video_id
from tests.scenarios.test_surfaces import ranks

EVA = "W0EVA"
ROOM = direct_message(EVA)


@contextmanager
def configured(slack: Driver, **settings: Any) -> Iterator[None]:
    """Another app for a while."""
    before = slack.state()["app"]
    slack.configure(**settings)
    try:
        yield
    finally:
        slack.configure(**{name: before[name] for name in settings})


@pytest.mark.parametrize("kind", ["private", "mpim"])
def test_private_channels_and_group_messages(slack: Driver, sound: Path, kind: str):
    slack.add_channel("G0SECRET", kind=kind)
    question = slack.upload("G0SECRET", sound)
    slack.wait_reply(question, ranks)
    asked = slack.mention("G0SECRET", f"{video_id(2)} top 2")
    slack.wait_reply(asked, ranks)


def test_group_messages_tell_of_files_by_themselves(slack: Driver, sound: Path):
    app = slack.state()["app"]
    events = [event for event in app["events"] if event != "file_shared"]
    slack.add_channel("G0GROUP", kind="mpim")
    with configured(slack, events=events, scopes=[*app["scopes"], "mpim:history"]):
        slack.wait_reply(slack.upload("G0GROUP", sound), ranks)


def test_an_app_of_a_whole_organisation(slack: Driver, sound: Path):
    """People have W-ids, interactions name no team, events say `is_enterprise_install`."""
    slack.add_user(EVA)
    with configured(slack, org=True):
        slack.command(f"{video_id(1)} top 2", user=EVA)
        answer = slack.wait_ephemeral(ranks, user=EVA)
        slack.choose(answer, "More like this", user=EVA)
        slack.wait_ephemeral(lambda m: "more like" in text_of(m), user=EVA)
        slack.wait_reply(slack.upload(SOUNDS, sound, user=EVA), ranks)
        slack.wait_reply(slack.mention(SOUNDS, f"{video_id(2)} top 2", user=EVA), ranks)
        slack.command("", user=EVA)
        slack.submit(slack.wait_view(user=EVA), {"files": [sound]}, user=EVA)
        slack.wait_message(ranks, channel=ROOM)
        slack.open_home(user=EVA)
        slack.wait_home(lambda view: "clips" in text_of(view), user=EVA)


def test_people_of_another_workspace(slack: Driver, sound: Path):
    """Slack Connect: their messages name their team, their files come as stubs."""
    slack.add_user("U0FAR", "Far", team=OTHER_TEAM)
    slack.add_channel(SOUNDS, "sounds", connected=True)
    question = slack.upload(SOUNDS, sound, user="U0FAR")
    assert question["files"][0]["file_access"] == "check_file_info"
    answer = slack.wait_reply(question, ranks)
    slack.click(answer, "next_ten", user="U0FAR")
    slack.wait_reply(question, lambda m: "*11.*" in text_of(m))
    filtered = slack.say(SOUNDS, f"<@{BOT}> top 3", [sound], user="U0FAR")
    slack.wait_reply(filtered, lambda m: ranks(m) == [1, 2, 3])
    slack.shortcut("find_similar", question)  # by somebody of this workspace
    slack.wait_for(lambda: len([m for m in slack.replies(question) if ranks(m)]) == 2)


def test_commands_are_refused_in_threads_where_mentions_are_answered(slack: Driver):
    question = slack.say(SOUNDS, "any ideas?")
    assert not slack.command(f"{video_id(1)} top 2", thread_ts=question["ts"])["acked"]
    slack.wait_ephemeral(lambda m: "not supported in threads" in text_of(m))
    slack.mention(SOUNDS, f"{video_id(1)} top 2", thread_ts=question["ts"])
    slack.wait_reply(question, ranks)


def test_an_answer_after_five_others_by_one_response_url_comes_directly(slack: Driver):
    outcome = slack.command("")
    form = slack.wait_view()
    for number in range(5):
        posted = requests.post(outcome["response_url"], json={"text": f"note {number}"}, timeout=10)
        assert posted.status_code == 200
    slack.submit(form, {"clip": video_id(1)})
    answer = slack.wait_message(ranks, channel=direct_message(ADA))
    assert "Slack takes no more answers where you asked" in text_of(answer)
    assert len(slack.ephemerals()) == 5
