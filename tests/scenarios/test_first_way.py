"""The way of a request, end to end: ids, uploads of every format, and the sentences of what goes wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.client.driver import Driver, Json, direct_message, text_of
from sandbox.names import ADA, SOUNDS
from tests.scenarios.stack import Stack, video_id
from tests.support.audio import write_audio

RESULT = re.compile(r"\*(\d+)\.\* <https://youtu\.be/[\w-]+\?t=30\|[^>]+> · 0:30–0:40 · \*\d+%\*(?:\n| · )\S")


def results_in(message: Json) -> list[int]:
    return [int(rank) for rank in RESULT.findall(text_of(message))]


def encoded(path: Path, codec: str) -> Path:
    """Write a short melody; ffmpeg's own Vorbis encoder wants two channels and to be asked twice."""
    if codec == "vorbis":
        return write_audio(path, codec, seconds=3.5, channels=2, codec_options={"strict": "experimental"})
    return write_audio(path, codec, seconds=3.5)


def answered(message: Json) -> bool:
    return "Clips like" in text_of(message)


def test_an_id_is_answered_at_once_by_ten_results_with_rank_labels_link_and_similarity(slack: Driver):
    outcome = slack.command(video_id(3))
    assert outcome["acked"], outcome
    answer = slack.wait_ephemeral()
    assert results_in(answer) == list(range(1, 11))
    assert f"{video_id(3)}" not in [line for line in text_of(answer).splitlines() if RESULT.match(line)]
    assert not slack.refusals()


def test_an_id_that_begins_with_a_dash_is_an_id(slack: Driver):
    slack.command(video_id(4))
    assert results_in(slack.wait_ephemeral()) == list(range(1, 11))


def test_an_unknown_id_gets_one_clear_sentence(slack: Driver):
    slack.command("AAAAAAAAAAA")
    refusal = slack.wait_ephemeral()
    assert "`unknown-clip`" in text_of(refusal)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", "pcm_s16le"), ("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.ogg", "vorbis"), ("a.m4a", "aac")],
)
def test_a_file_in_a_direct_message_is_answered_in_its_thread(slack: Driver, tmp_path: Path, name: str, codec: str):
    question = slack.upload(direct_message(ADA), encoded(tmp_path / name, codec))
    answer = slack.wait_reply(question, answered, timeout=30)
    assert results_in(answer) == list(range(1, 11))
    assert "Sounds like" in text_of(answer)
    assert len(slack.replies(question)) == 1
    assert not slack.refusals()


def test_a_file_in_a_channel_the_bot_is_in_is_answered_in_its_thread(slack: Driver, sound: Path):
    question = slack.upload(SOUNDS, sound)
    answer = slack.wait_reply(question, answered, timeout=30)
    assert results_in(answer) == list(range(1, 11))
    assert "beat &amp; ∗bold∗ &lt;b&gt;.wav" in text_of(answer)


def test_a_file_beside_a_mention_is_answered_once(slack: Driver, sound: Path):
    question = slack.mention(SOUNDS, "what is like this?", [sound])
    slack.wait_reply(question, answered, timeout=30)
    slack.wait_quiet(1.0)
    assert len(slack.replies(question)) == 1
    assert not slack.refusals()


def test_a_file_that_is_no_audio_gets_one_sentence_in_a_direct_message(slack: Driver, tmp_path: Path):
    noise = tmp_path / "song.wav"
    noise.write_bytes(b"no sound in here " * 100)
    question = slack.upload(direct_message(ADA), noise)
    refusal = slack.wait_reply(question, lambda m: "`not-audio`" in text_of(m))
    assert "song.wav" in text_of(refusal)
    assert len(slack.replies(question)) == 1


def test_a_picture_is_ignored_in_a_channel_and_answered_in_a_direct_message(slack: Driver, tmp_path: Path):
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    in_channel = slack.upload(SOUNDS, picture)
    in_private = slack.upload(direct_message(ADA), picture)
    slack.wait_reply(in_private, lambda m: "`not-audio`" in text_of(m))
    slack.wait_quiet(1.0)
    assert slack.replies(in_channel) == []


def test_an_embedder_that_is_down_gets_one_sentence(slack: Driver, stack: Stack, tmp_path: Path):
    stack.gate.shut()
    try:
        question = slack.upload(direct_message(ADA), write_audio(tmp_path / "new.wav", "pcm_s16le", seconds=4.25))
        refusal = slack.wait_reply(question, lambda m: "`embedder-" in text_of(m), timeout=30)
    finally:
        stack.gate.open()
    assert "new.wav" in text_of(refusal)
    assert len(slack.replies(question)) == 1


def test_each_event_may_come_twice(slack: Driver, sound: Path):
    slack.faults(doubled_events=True)
    question = slack.upload(SOUNDS, sound)
    slack.wait_reply(question, answered, timeout=30)
    slack.wait_quiet(1.0)
    assert len(slack.replies(question)) == 1
