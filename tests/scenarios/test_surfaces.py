"""Every surface of Slack, through real processes, in Socket Mode and over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender.audio.wav import wav_bytes
from sandbox.client.driver import Driver, Json, direct_message, text_of
from sandbox.names import ADA, BEN, RANDOM, SOUNDS
from tests.scenarios.stack import CLIPS, Stack, video_id
from tests.support.audio import melody, pcm16, write_audio

RANK = re.compile(r"^\*(\d+)\.\* ", re.MULTILINE)


def ranks(message: Json) -> list[int]:
    return [int(rank) for rank in RANK.findall(text_of(message))]


def labelled(message: Json, label: str) -> int:
    """How many results carry a label, in bold or not."""
    return sum(label in re.split(r", | · |\*", line) for line in text_of(message).splitlines() if "Sounds" not in line)


def wav(path: Path, sound: NDArray[np.float32]) -> Path:
    path.write_bytes(wav_bytes(pcm16(sound)))
    return path


@pytest.fixture(params=["socket", "http"])
def anyhow(request: pytest.FixtureRequest, slack: Driver, stack: Stack) -> Iterator[Driver]:
    """The same workspace, its app reached through a socket or over HTTP."""
    if request.param == "socket":
        yield slack
        return
    stack.configure_http()
    yield slack
    slack.configure(request_url="", options_url="")


def asked(slack: Driver, text: str) -> Json:
    """Type a command and return what comes back."""
    before = len(slack.ephemerals())
    outcome = slack.command(text)
    assert outcome["acked"], outcome
    return slack.wait_for(lambda: slack.ephemerals()[before:])[-1]


def edited(slack: Driver, ts: str, said: str) -> Json:
    return slack.wait_ephemeral(lambda m: m["ts"] == ts and said in text_of(m))


def test_command(anyhow: Driver):
    answer = asked(anyhow, video_id(1))
    assert ranks(answer) == list(range(1, 11))
    assert answer["text"].startswith("Clips like Melody 1: 1. ")
    assert ranks(asked(anyhow, f"{video_id(1)} top 5")) == [1, 2, 3, 4, 5]
    assert not anyhow.refusals()


def test_command_with_filters_shows_only_what_passes_them(slack: Driver):
    answer = asked(slack, f"{video_id(1)} top 20 only bass guitar")
    assert "Only bass guitar" in text_of(answer)
    assert ranks(answer)
    assert len(ranks(answer)) == labelled(answer, "Bass guitar")
    without = asked(slack, f"{video_id(1)} top 20 not Jazz")
    assert ranks(without)
    assert labelled(without, "Jazz") == 0


def test_command_combines_clips(slack: Driver):
    answer = asked(slack, f"{video_id(1)} + {video_id(4)} - {video_id(2)}")
    assert "Melody 1>, more like <" in text_of(answer)
    assert "less like <https://youtu.be/vVid_000002?t=30|Melody 2>" in text_of(answer)


def test_command_leads_from_one_clip_to_another(slack: Driver):
    lines = re.findall(r"^\*(\d+)\.\* <[^|]*\|(.*?)>", text_of(asked(slack, f"{video_id(1)} to {video_id(4)}")), re.M)
    assert (lines[0], lines[-1]) == (("1", "Melody 1"), (str(len(lines)), "Melody 4"))
    assert len(lines) > 2


def test_command_by_link_and_by_item(slack: Driver):
    assert "Melody 3" in asked(slack, f"https://www.youtube.com/watch?v={video_id(3)}&t=31s")["text"]
    assert "Melody 7" in asked(slack, "#7")["text"]


def test_here_answers_for_everyone(anyhow: Driver):
    anyhow.command(f"{video_id(1)} here")
    answer = anyhow.wait_message(lambda m: ranks(m))
    assert not answer.get("is_ephemeral")
    assert "Share to channel" not in text_of(answer)


def test_help_and_random(slack: Driver):
    assert "/similar random" in text_of(asked(slack, "help"))
    assert "A clip at random" in text_of(asked(slack, "random"))
    assert ranks(asked(slack, "random rain"))


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("AAAAAAAAAAA", "unknown-clip"),
        (f"{video_id(1)} only Jaz", "unknown-label"),
        (f"{video_id(1)} top 99", "bad-query"),
        ("only Jazz", "bad-query"),
        ("audio:" + "0" * 64, "forgotten-upload"),
        ("#99999", "unknown-clip"),
    ],
)
def test_refusals_of_commands(slack: Driver, typed: str, code: str):
    answer = asked(slack, typed)
    assert f"`{code}`" in text_of(answer)
    assert answer["text"].endswith((".", "?"))


def test_form_takes_an_id_and_completes_labels(anyhow: Driver):
    anyhow.command("")
    form = anyhow.wait_view()
    assert [o["text"]["text"] for o in anyhow.options(form, "only", "ba")] == ["Bass guitar"]
    outcome = anyhow.submit(form, {})
    assert "Name a clip" in str(outcome["response"])
    option = anyhow.options(form, "only", "ba")[0]
    anyhow.submit(form, {"clip": video_id(2), "only": [option]})
    answer = anyhow.wait_ephemeral(ranks)
    assert "Only Bass guitar" in text_of(answer)


def test_form_takes_files(anyhow: Driver, sound: Path, tmp_path: Path):
    anyhow.command("")
    second = write_audio(tmp_path / "second.wav", "pcm_s16le", seconds=3.2)
    anyhow.submit(anyhow.wait_view(), {"files": [sound, second]})
    assert "direct messages" in text_of(anyhow.wait_ephemeral())
    room = direct_message(ADA)
    anyhow.wait_for(lambda: sum(bool(ranks(m)) for m in anyhow.messages(room)) == 2, timeout=30)
    names = [text_of(m).splitlines()[0] for m in anyhow.messages(room)]
    assert "bold" in names[0]
    assert "second.wav" in names[1]


def test_several_files_in_one_message_are_answered_in_order(anyhow: Driver, tmp_path: Path):
    files = [write_audio(tmp_path / f"{n}.wav", "pcm_s16le", seconds=3.2 + n / 10) for n in range(3)]
    question = anyhow.say(direct_message(ADA), "", files)
    anyhow.wait_for(lambda: sum(bool(ranks(m)) for m in anyhow.replies(question)) == 3, timeout=40)
    assert [re.findall(r"\d\.wav", text_of(m))[0] for m in anyhow.replies(question)] == ["0.wav", "1.wav", "2.wav"]


def test_placeholder_names_the_file_and_is_edited_into_the_answer(slack: Driver, stack: Stack, sound: Path):
    slack.faults(file_delay=1.0)
    question = slack.upload(SOUNDS, sound)
    placeholder = slack.wait_reply(question, lambda m: "Listening to" in text_of(m))
    assert "0:04" in text_of(placeholder)
    answer = slack.wait_reply(question, ranks, timeout=30)
    assert answer["ts"] == placeholder["ts"]


def test_mention_with_an_id_is_answered_in_the_thread(anyhow: Driver):
    question = anyhow.mention(SOUNDS, f"{video_id(2)} top 3")
    assert ranks(anyhow.wait_reply(question, ranks)) == [1, 2, 3]


def test_mention_without_words_gets_help_unless_it_brought_a_file(slack: Driver, sound: Path):
    slack.faults(mention_without_files=True)
    alone = slack.mention(SOUNDS, "")
    assert "/similar random" in text_of(slack.wait_reply(alone))
    with_file = slack.mention(SOUNDS, "", [sound])
    slack.wait_reply(with_file, ranks, timeout=30)
    slack.wait_quiet(2.0)
    assert len(slack.replies(with_file)) == 1


def test_mention_with_filters_and_a_file(slack: Driver, sound: Path):
    question = slack.mention(SOUNDS, "top 4 not Speech", [sound])
    answer = slack.wait_reply(question, ranks, timeout=30)
    assert ranks(answer) == [1, 2, 3, 4]
    assert "Without Speech" in text_of(answer)


def test_words_in_a_direct_message_are_a_question(slack: Driver):
    question = slack.say(direct_message(ADA), f"{video_id(2)} top 2")
    assert ranks(slack.wait_reply(question)) == [1, 2]
    chat = slack.say(direct_message(ADA), "hello there")
    assert "Hello!" in text_of(slack.wait_reply(chat))


def test_shortcut_on_a_link(anyhow: Driver):
    message = anyhow.say(SOUNDS, f"listen: https://youtu.be/{video_id(5)}", user=BEN)
    anyhow.shortcut("find_similar", message)
    assert "Melody 5" in anyhow.wait_ephemeral(ranks)["text"]
    other = anyhow.say(SOUNDS, "nothing to hear", user=BEN)
    anyhow.shortcut("find_similar", other)
    anyhow.wait_ephemeral(lambda m: "neither audio nor" in text_of(m))


def test_shortcut_on_a_file_answers_where_the_bot_may_write(anyhow: Driver, sound: Path):
    foreign = anyhow.say(RANDOM, "", [sound], user=BEN)
    anyhow.shortcut("find_similar", foreign)
    # Slack shows the bot no file of a channel that it is not in: the person is told, where the bot may write.
    anyhow.wait_message(lambda m: "invite me to its channel" in text_of(m), channel=direct_message(ADA))
    assert anyhow.replies(foreign) == []
    known = anyhow.say(SOUNDS, "", [sound], user=BEN)
    anyhow.wait_reply(known, ranks, timeout=30)
    anyhow.shortcut("find_similar", known)
    anyhow.wait_for(lambda: len([m for m in anyhow.replies(known) if ranks(m)]) == 2, timeout=30)


def test_steering_edits_the_answer(anyhow: Driver):
    answer = asked(anyhow, video_id(1))
    anyhow.choose(answer, "More like this")
    steered = edited(anyhow, answer["ts"], ", more like ")
    anyhow.choose(steered, "Less like this", place=1)
    again = edited(anyhow, answer["ts"], ", less like ")
    assert ranks(again) == list(range(1, 11))
    assert len(anyhow.ephemerals()) == 1


def test_next_ten_and_back(anyhow: Driver):
    answer = asked(anyhow, video_id(1))
    anyhow.click(answer, "next_ten")
    second = edited(anyhow, answer["ts"], "*11.*")
    anyhow.click(second, "next_ten")
    last = edited(anyhow, answer["ts"], f"*{CLIPS - 1}.*")
    assert "Next ten" not in text_of(last)
    anyhow.click(last, "first_ten")
    edited(anyhow, answer["ts"], "*1.*")


def test_only_these_labels_and_all_again(slack: Driver):
    answer = asked(slack, video_id(1))
    slack.click(answer, "only_labels")
    filtered = edited(slack, answer["ts"], "Only Rain")
    slack.click(filtered, "all_labels")
    slack.wait_ephemeral(lambda m: m["ts"] == answer["ts"] and "Only Rain" not in text_of(m))


def test_share_to_channel(anyhow: Driver):
    answer = asked(anyhow, video_id(1))
    anyhow.click(answer, "share")
    shared = anyhow.wait_message(ranks)
    assert f"Shared by <@{ADA}>" in text_of(shared)
    assert not shared.get("is_ephemeral")


def test_where_it_matched_of_a_long_upload(slack: Driver, tmp_path: Path):
    parts = [melody(4.0, seed=number) for number in range(6)]
    question = slack.upload(SOUNDS, wav(tmp_path / "long.wav", np.concatenate(parts)))
    answer = slack.wait_reply(question, ranks, timeout=40)
    assert re.search(r"resembles 0:\d\d–0:\d\d of the upload", text_of(answer))
    slack.click(answer, "where_matched")
    view = slack.wait_view(lambda v: v["title"]["text"] == "Where it matched")
    assert re.search(r"\*0:\d\d–0:\d\d\*", text_of(view))


def test_buttons_of_an_upload_ask_the_cached_sound_again(slack: Driver, sound: Path):
    question = slack.upload(SOUNDS, sound)
    answer = slack.wait_reply(question, ranks, timeout=30)
    slack.click(answer, "next_ten")
    slack.wait_reply(question, lambda m: "*11.*" in text_of(m))
    assert len(slack.replies(question)) == 1


def test_an_odd_event_is_acknowledged_and_logged(slack: Driver, stack: Stack):
    slack.send_event({"type": "app_home_opened", "tab": "home"})  # Slack's own name who opened it

    def logged() -> str:
        lines = (stack.folder / "bot.log").read_text().splitlines()
        return next((line for line in lines if "odd payload" in line), "")

    line = json.loads(slack.wait_for(logged, every=0.1))
    assert "type app_home_opened" in line["message"]
    assert "(user)" in line["message"]
    assert "traceback" not in line
    assert [entry["ok"] for entry in slack.traffic(kind="event")] == [True]


def test_a_person_is_welcomed_once(anyhow: Driver):
    person = "U0NEW" + anyhow.state()["app"]["request_url"][-1:].upper()  # another for each way
    anyhow.add_user(person)
    anyhow.open_messages(person)
    anyhow.wait_message(lambda m: "Three things to try" in text_of(m), channel=direct_message(person))
    anyhow.open_messages(person)
    anyhow.wait_quiet(0.5)
    assert len(anyhow.messages(direct_message(person))) == 1


def test_home_shows_catalogue_history_and_services_and_repeats(anyhow: Driver):
    asked(anyhow, video_id(6))
    anyhow.open_home()
    home = anyhow.wait_home(lambda v: "Melody 6" in text_of(v))
    assert f"{CLIPS} clips" in text_of(home)
    assert "✓ redis" in text_of(home)
    anyhow.click(home, "repeat")
    assert "Melody 6" in anyhow.wait_message(ranks, channel=direct_message(ADA))["text"]
