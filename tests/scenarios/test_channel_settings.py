"""`/similar settings`: what the bot answers in a channel."""

from __future__ import annotations

from pathlib import Path

from sandbox.client.driver import Driver, direct_message, text_of
from sandbox.names import ADA, BEN, BOT, SOUNDS
from tests.scenarios.stack import Stack
from tests.scenarios.test_real_places import configured
from tests.scenarios.test_surfaces import ranks


def choose(slack: Driver, choice: str) -> None:
    """Ask for the settings of #sounds, and choose what is answered."""
    slack.command("settings")
    shown = slack.wait_ephemeral(lambda m: "What I answer in this channel" in text_of(m))
    slack.select(shown, "channel_answers", choice)
    slack.wait_ephemeral(lambda m: m["ts"] == shown["ts"] and "Saved." in text_of(m))


def test_a_channel_that_is_answered_on_a_click_or_a_mention_alone(slack: Driver, stack: Stack, sound: Path):
    scopes = slack.state()["app"]["scopes"]
    try:
        choose(slack, "mentioned")
        quiet = slack.upload(SOUNDS, sound)
        slack.wait_quiet(1.0)
        assert slack.replies(quiet) == []
        slack.mention(SOUNDS, "top 2", thread_ts=quiet["ts"])
        slack.wait_reply(quiet, lambda m: ranks(m) == [1, 2])
        with configured(slack, scopes=[*scopes, "reactions:read", "reactions:write"]):
            choose(slack, "ear")
            eared = slack.upload(SOUNDS, sound)
            slack.wait_message(lambda m: m["ts"] == eared["ts"] and m.get("reactions"))
            assert slack.replies(eared) == []
            slack.react(eared, "ear", user=BEN)
            slack.wait_reply(eared, ranks)
            direct = slack.upload(direct_message(ADA), sound)
            slack.wait_reply(direct, ranks)
    finally:
        choose(slack, "every")
    slack.wait_reply(slack.upload(SOUNDS, sound), ranks)
    assert not [entry for entry in slack.refusals() if BOT in str(entry)]


def test_direct_messages_have_no_settings(slack: Driver):
    slack.command("settings", channel=direct_message(ADA))
    slack.wait_ephemeral(lambda m: "Here I answer everything" in text_of(m))
