"""What Slack says of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DeletedFile, DownloadFailed, ForeignFile, HiddenFile, MissingScope
from bot.messages.modal import FILE_TYPES
from bot.slack.files import SharedFile, file_error
from recommender.errors import NotAudio, TooLarge

GOOD = {
    "id": "F1",
    "name": "a.wav",
    "mimetype": "audio/wav",
    "size": 10,
    "url_private": "https://files.slack.com/a",
    "mode": "hosted",
}


def file(**changes) -> SharedFile:
    return SharedFile.from_slack({**GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "sounds"),
    [
        ({}, True),
        ({"name": "audio_message.mp4", "mimetype": "video/mp4", "subtype": "slack_audio"}, True),
        ({"name": "clip.webm", "mimetype": "video/webm"}, True),
        ({"name": "song.flac", "mimetype": "application/octet-stream"}, True),
        ({"name": "song", "mimetype": "application/octet-stream", "filetype": "binary"}, None),
        ({"name": "song", "mimetype": "", "filetype": ""}, None),
        ({"name": "cat.png", "mimetype": "image/png", "filetype": "png"}, False),
        ({"name": "take.aif", "mimetype": "application/octet-stream", "filetype": "binary"}, True),
        ({"name": "take 2.final", "mimetype": "application/octet-stream", "filetype": "binary"}, None),
        ({"name": "set.als", "mimetype": "application/octet-stream", "filetype": "binary"}, False),
        ({"name": "song.mid", "mimetype": "audio/midi", "filetype": "mid"}, False),
        ({"name": "song", "mimetype": "audio/midi", "filetype": "midi"}, False),
        ({"name": "list.m3u8", "mimetype": "audio/x-mpegurl", "filetype": "m3u8"}, False),
        ({"name": "notes.txt", "mimetype": "text/plain", "filetype": "text"}, False),
    ],
)
def test_labels_say_whether_it_may_be_audio(changes, sounds):
    assert file(**changes).sounds is sounds


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"mode": "tombstone"}, DeletedFile),
        ({"mode": "hidden_by_limit"}, HiddenFile),
        ({"file_access": "access_denied"}, HiddenFile),
        ({"mode": "external", "is_external": True}, ForeignFile),
        ({"name": "cat.png", "mimetype": "image/png", "filetype": "png"}, NotAudio),
        ({"size": 2_000_000}, TooLarge),
        ({"url_private": ""}, HiddenFile),
    ],
)
def test_what_stands_in_the_way_is_known_before_the_download(changes, error):
    with pytest.raises(error, match=r"\.$"):
        file(**changes).require_obtainable(1_000_000)


def test_the_form_takes_what_a_channel_takes():
    assert all(file(name=f"a.{suffix}", mimetype="").sounds for suffix in FILE_TYPES)
    assert {"aif", "wma", "oga", "wav", "webm"} <= set(FILE_TYPES)


def test_a_good_file_is_obtainable():
    file().require_obtainable(1_000_000)


def test_the_thread_is_that_of_the_last_share_in_the_channel():
    shares = {"public": {"C1": [{"ts": "1.0"}, {"ts": "3.0", "thread_ts": "2.0"}]}, "private": {"D1": [{"ts": "5.0"}]}}
    shared = file(shares=shares)
    found = [shared.share_in(channel) for channel in ("C1", "D1", "C2")]
    assert [share and (share.thread_ts, share.ts) for share in found] == [("2.0", "3.0"), ("5.0", "5.0"), None]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("file_not_found", DeletedFile),
        ("file_deleted", DeletedFile),
        ("missing_scope", MissingScope),
        ("access_denied", HiddenFile),
        ("", DownloadFailed),
        ("internal_error", DownloadFailed),
    ],
)
def test_slacks_refusals_have_errors_of_ours(code, error):
    assert isinstance(file_error(code), error)


def test_a_missing_scope_is_named():
    assert "files:read" in str(file_error("missing_scope", "files:read"))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*GOOD, "shares", "duration_ms", "title", "subtype", "filetype"]), anything))
def test_any_description_is_read(data):
    SharedFile.from_slack(data)
