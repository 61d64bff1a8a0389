"""What the real Slack does that its documentation hardly says: a test for each line of the table of issue 15."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.catalogue.local.builder import ClipBatch
from sandbox.client.driver import Driver, Json, direct_message, text_of
from sandbox.names import ADA, BEN, BOT, SOUNDS
from tests.scenarios.stack import Stack, video_id, write_small_catalogue
from tests.scenarios.test_surfaces import ranks, wav
from tests.support.audio import melody
from tests.support.proxy import Proxy

LONG_LINK = "&a=" + "b" * 700
ODD_NAME = "<!channel> @here #general https://a.example *夜明け* "


@pytest.fixture(scope="module")
def long_answer(stack: Stack) -> Json:
    """Twenty results of a catalogue whose names are long, take six bytes a character on the wire, and look like
    mentions and links: the answer, with the posts and refusals that it took."""
    labels = tuple(f"環境音と自然の音、{number}番" * 6 for number in range(8))
    clips = [
        clip._replace(title=ODD_NAME + "波の音" * 40, labels=labels, url=f"{clip.url}{LONG_LINK}")
        for clip in stack.batch.clips
    ]
    catalogue = write_small_catalogue(stack.folder / "names", ClipBatch(clips, stack.batch.vectors))
    slack = stack.driver
    with stack.only_bot(CATALOGUE=str(catalogue)):
        slack.wait_for_bot()
        slack.reset()
        outcome = slack.command(f"{video_id(1)} top 20")
        assert outcome["acked"], outcome
        answer = slack.wait_ephemeral(ranks)
        slack.wait_quiet(0.5)
        assert slack.ephemerals() == [answer]
        return {"answer": answer, "posts": slack.traffic(kind="response_url"), "refusals": slack.refusals()}


def mrkdwn_of(value: Any) -> list[Json]:
    """All mrkdwn objects in some blocks."""
    found = [value] if isinstance(value, dict) and value.get("type") == "mrkdwn" else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [each for part in inner for each in mrkdwn_of(part)]


def test_answers_too_large_for_an_acknowledgement_come_by_response_url(long_answer: Json):
    assert ranks(long_answer["answer"]) == list(range(1, 21))
    assert len(long_answer["posts"]) == 1
    assert long_answer["refusals"] == []


def test_all_blocks_together_stay_below_what_slack_takes(long_answer: Json):
    """The sandbox refuses more than 13,200 characters, for which the fullest answer would be too long."""
    texts = [each["text"] for each in mrkdwn_of(long_answer["posts"][0]["request"])]
    assert sum(map(len, texts)) < 13_200
    assert not any(LONG_LINK[1:] in text for text in texts)
    assert ranks(long_answer["answer"]) == list(range(1, 21))


def test_names_that_look_like_mentions_and_links_stay_names(long_answer: Json):
    shown = mrkdwn_of(long_answer["posts"][0]["request"])
    assert len(shown) > 20
    assert all(each["verbatim"] for each in shown)
    assert not any("<!channel>" in each["text"] for each in shown)
    assert "&lt;!channel&gt;" in text_of(long_answer["answer"])


@pytest.mark.parametrize("kind", ["origin", "edge"])
def test_redirects_to_other_hosts_of_slack_are_followed(slack: Driver, sound: Path, kind: str):
    slack.faults(redirect_files=kind)
    question = slack.upload(SOUNDS, sound)
    slack.wait_reply(question, ranks)


@pytest.mark.parametrize(
    "race", [{"login_page_for": 1.5}, {"url_missing_for": 1.0}, {"unknown_for": 1.0}, {"shares_missing_for": 1.0}]
)
def test_a_file_that_is_a_moment_old_is_waited_for_in_silence(slack: Driver, sound: Path, race: dict[str, Any]):
    slack.faults(**race)
    questions = [slack.upload(channel, sound) for channel in (SOUNDS, direct_message(ADA))]
    for question in questions:
        slack.wait_reply(question, ranks)
        assert len(slack.replies(question)) == 1


def test_downloads_go_through_the_proxy(slack: Driver, stack: Stack, sound: Path):
    with Proxy() as proxy, stack.only_worker(HTTP_PROXY=proxy.url):
        question = slack.upload(SOUNDS, sound)
        slack.wait_reply(question, ranks)
        assert any("/files-pri/" in address for address in proxy.asked)
    with Proxy() as proxy, stack.only_worker(HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1"):
        slack.wait_reply(slack.upload(SOUNDS, sound), ranks)
        assert proxy.asked == []


def test_what_nobody_addressed_is_nobodys_business(slack: Driver, stack: Stack, tmp_path: Path, sound: Path):
    """Projects of 300 MB, MIDI, playlists: Slack calls them binary, or audio."""
    slack.faults(binary_types=True)
    questions = []
    for name, content in (("set.als", bytes(5_000_000)), ("take 2.final", bytes(5_000_000)), ("song.mid", b"MThd")):
        (tmp_path / name).write_bytes(content)
        questions.append(slack.upload(SOUNDS, tmp_path / name))
    slack.faults(binary_types=False)
    for name in ("song.mid", "list.m3u8"):
        (tmp_path / name).write_bytes(b"#EXTM3U")
        questions.append(slack.upload(SOUNDS, tmp_path / name))
    slack.faults(binary_types=True)
    slack.wait_reply(slack.upload(SOUNDS, sound), ranks)  # audio is told by its suffix
    slack.wait_quiet(1.0)
    assert [slack.replies(question) for question in questions] == [[]] * 5
    addressed = slack.mention(SOUNDS, "", [tmp_path / "set.als"])
    slack.wait_reply(addressed, lambda m: "`not-audio`" in text_of(m))


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message", "ekm_access_denied"])
def test_an_answer_that_may_not_be_edited_in_is_posted_once(slack: Driver, sound: Path, code: str):
    slack.fail("chat.update", code, times=None)
    question = slack.upload(SOUNDS, sound)
    slack.wait_reply(question, ranks)
    slack.wait_quiet(1.0)
    assert len(slack.replies(question)) == 1  # the placeholder is taken away


def test_a_placeholder_that_somebody_deleted_is_not_replaced(slack: Driver, sound: Path):
    slack.faults(file_delay=1.0)
    question = slack.upload(SOUNDS, sound)
    slack.delete(slack.wait_reply(question))
    slack.wait_traffic(lambda e: e["error"] == "message_not_found", name="chat.update")
    slack.wait_quiet(1.0)
    assert slack.replies(question) == []


CLOSED_CODES = [
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_only_channel",
    "message_limit_exceeded",
    "no_permission",
    "access_denied",
]


def test_where_the_bot_may_not_write_the_person_is_answered_directly_and_learns_why(slack: Driver, sound: Path):
    """For each code a channel and a person of their own: all at once, since a channel takes a message a second."""
    people = {f"C0CLOSED{place}": f"U0CLOSED{place}" for place in range(len(CLOSED_CODES))}
    for (channel, person), code in zip(people.items(), CLOSED_CODES, strict=True):
        slack.add_user(person)
        slack.add_channel(channel, bot=True, refuses=code)
        slack.upload(channel, sound, user=person)
    for channel, person in people.items():
        answer = slack.wait_message(ranks, channel=direct_message(person))
        assert f"(<#{channel}>)" in text_of(answer)
        assert "Directly to you, since " in text_of(answer)
        slack.mention(channel, f"{video_id(2)} top 2", user=person)
    for person in people.values():
        slack.wait_message(lambda m: ranks(m) == [1, 2], channel=direct_message(person))
    slack.wait_quiet(0.5)
    assert [len(slack.messages(direct_message(person))) for person in people.values()] == [2] * len(people)


def test_a_channel_that_the_bot_was_removed_from_is_left_in_silence(slack: Driver, stack: Stack, sound: Path):
    slack.faults(file_delay=0.5)
    slack.add_channel(SOUNDS, bot=True, refuses="not_in_channel")
    question = slack.upload(SOUNDS, sound)
    slack.wait_traffic(lambda e: e["error"] == "not_in_channel", name="chat.postMessage")
    slack.wait_quiet(1.0)
    assert slack.replies(question) == slack.messages(direct_message(ADA)) == []


def test_refusals_to_buttons_in_threads_stay_in_the_thread(slack: Driver, tmp_path: Path):
    long = np.concatenate([melody(4.0, seed=number) for number in range(6)])
    question = slack.upload(SOUNDS, wav(tmp_path / "long.wav", long))
    answer = slack.wait_reply(question, ranks)
    slack.fail("views.open", "expired_trigger_id")
    slack.click(answer, "where_matched")
    refused = slack.wait_ephemeral(lambda m: "`slack-refused`" in text_of(m))
    assert refused["thread_ts"] == question["ts"]


def test_answers_to_forms_that_stood_open_for_half_an_hour_come_directly(slack: Driver):
    slack.command("")
    form = slack.wait_view()
    slack.expire_response_urls()
    slack.submit(form, {"clip": video_id(1)})
    answer = slack.wait_message(ranks, channel=direct_message(ADA))
    assert "Slack takes no more answers" in text_of(answer)
    assert slack.ephemerals() == []


def test_what_slack_refuses_is_not_called_our_fault(slack: Driver):
    for code in ("expired_trigger_id", "something_new"):
        slack.fail("views.open", code)
        slack.command("")
        slack.wait_ephemeral(lambda m: "`slack-refused`" in text_of(m))
    assert not any("on our side" in text_of(m) for m in slack.ephemerals())


def link_blocks(url: str) -> list[Json]:
    """What Slack's editor makes of a link under a word."""
    elements = [{"type": "text", "text": "hear "}, {"type": "link", "url": url, "text": "this"}]
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]


def test_links_in_blocks_and_in_what_slack_unfurled_are_found(slack: Driver):
    in_blocks = slack.say(SOUNDS, "hear this", blocks=link_blocks(f"https://youtu.be/{video_id(5)}"))
    slack.shortcut("find_similar", in_blocks)
    slack.wait_ephemeral(lambda m: ranks(m) and "Melody 5" in text_of(m))
    card = {"from_url": f"https://www.youtube.com/watch?v={video_id(6)}", "title": "a", "fallback": "a"}
    slack.shortcut("find_similar", slack.say(SOUNDS, "see there", attachments=[card]))
    slack.wait_ephemeral(lambda m: ranks(m) and "Melody 6" in text_of(m))


def test_files_of_forwarded_messages_are_found(slack: Driver, sound: Path):
    original = slack.upload(SOUNDS, sound, user=BEN)
    slack.wait_reply(original, ranks)
    forwarded = slack.say(SOUNDS, "what is this?", forward=original)
    slack.shortcut("find_similar", forwarded)
    slack.wait_reply(forwarded, ranks)
    directly = slack.say(direct_message(ADA), "", forward=original)
    slack.wait_reply(directly, ranks)


def test_excerpts_of_the_bot_itself_are_no_question(slack: Driver, sound: Path):
    """file_shared tells of the bot's own files as well."""
    own = {"type": "file_shared", "file_id": "F0OWN", "user_id": BOT, "channel_id": SOUNDS, "event_ts": "1.000100"}
    since = len(slack.traffic())
    slack.send_event(own)
    slack.wait_quiet(1.0)
    assert [entry["name"] for entry in slack.traffic()[since:]] == ["file_shared"]


def answers(slack: Driver, question: Json) -> list[list[int]]:
    """The ranks of each reply."""
    return [ranks(reply) for reply in slack.replies(question)]


def test_a_corrected_mention_edits_its_answer(slack: Driver):
    question = slack.mention(SOUNDS, f"{video_id(2)} top 2")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2])
    slack.edit(question, f"<@{BOT}> {video_id(2)} top 3")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3])
    slack.edit(question, f"<@{BOT}> {video_id(2)} top 4")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3, 4])
    slack.wait_quiet(0.5)
    assert answers(slack, question) == [[1, 2, 3, 4]]


def test_a_mention_that_is_corrected_before_it_was_answered_is_answered_once(slack: Driver):
    slack.faults(api_delay=0.4)
    question = slack.mention(SOUNDS, f"{video_id(2)} top 2")
    slack.edit(question, f"<@{BOT}> {video_id(2)} top 3")
    slack.edit(question, f"<@{BOT}> {video_id(2)} top 4")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3, 4])
    slack.wait_quiet(1.0)
    assert answers(slack, question) == [[1, 2, 3, 4]]


def test_corrected_filters_beside_a_file_edit_its_answer(slack: Driver, sound: Path):
    question = slack.mention(SOUNDS, "top 2", [sound])
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2])
    slack.edit(question, f"<@{BOT}> top 3")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3])
    slack.wait_quiet(0.5)
    assert answers(slack, question) == [[1, 2, 3]]


def test_where_nothing_may_be_edited_a_corrected_mention_takes_its_first_answer_away(slack: Driver):
    slack.fail("chat.update", "edit_window_closed", times=None)
    question = slack.mention(SOUNDS, f"{video_id(2)} top 2")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2])
    for top in ("3", "4"):
        slack.edit(question, f"<@{BOT}> {video_id(2)} top {top}")
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3, 4])
    slack.wait_quiet(1.0)
    assert answers(slack, question) == [[1, 2, 3, 4]]


@pytest.mark.parametrize("shares_late", [0.0, 1.0])
def test_filters_of_a_mention_whose_file_was_left_out_are_kept(slack: Driver, sound: Path, shares_late: float):
    slack.faults(mention_without_files=True, shares_missing_for=shares_late)
    question = slack.mention(SOUNDS, "top 3", [sound])
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3])
    slack.wait_quiet(1.0)
    assert answers(slack, question) == [[1, 2, 3]]


def test_words_beside_a_file_that_was_left_out_are_a_remark(slack: Driver, sound: Path):
    slack.faults(mention_without_files=True)
    question = slack.mention(SOUNDS, "what is this noise", [sound])
    slack.wait_reply(question, ranks)
    slack.wait_quiet(1.0)
    assert len(slack.replies(question)) == 1


def test_a_mention_in_a_files_thread_asks_for_the_file(slack: Driver, sound: Path):
    question = slack.upload(SOUNDS, sound)
    slack.wait_reply(question, ranks)
    slack.mention(SOUNDS, "top 3", thread_ts=question["ts"])
    slack.wait_reply(question, lambda m: ranks(m) == [1, 2, 3])
    slack.wait_quiet(2.0)
    assert [len(found) for found in answers(slack, question)] == [10, 0, 3]  # the mention stands between


def test_a_mention_in_the_thread_of_a_file_from_before_the_bot_came(slack: Driver, sound: Path):
    before = slack.state()["app"]["scopes"]
    slack.add_channel(SOUNDS, bot=False)
    question = slack.upload(SOUNDS, sound)
    slack.wait_quiet(0.5)
    slack.add_channel(SOUNDS, bot=True)
    try:
        slack.configure(scopes=[scope for scope in before if scope != "channels:history"])
        slack.mention(SOUNDS, "only Rain", thread_ts=question["ts"])
        slack.wait_reply(question, lambda m: "before the filters" in text_of(m))
        slack.configure(scopes=[*{*before, "channels:history"}])
        slack.mention(SOUNDS, "", thread_ts=question["ts"])
        slack.wait_reply(question, ranks)
    finally:
        slack.configure(scopes=before)


def test_a_file_whose_file_shared_never_comes_is_told_by_its_message(slack: Driver, sound: Path):
    before = slack.state()["app"]
    events = [event for event in before["events"] if event != "file_shared"]
    slack.configure(events=events, scopes=[*before["scopes"], "channels:history"])
    try:
        slack.wait_reply(slack.upload(SOUNDS, sound), ranks)
        slack.configure(events=before["events"])
        both = slack.upload(SOUNDS, sound)
        slack.wait_reply(both, ranks)
        slack.wait_quiet(1.0)
        assert len(slack.replies(both)) == 1
    finally:
        slack.configure(events=before["events"], scopes=before["scopes"])
