"""A team's own library in Slack: playing what was found, and adding an upload that the next question finds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from bot.slack.names import FILES_SCOPE, GROUPS_SCOPE, SCOPES
from recommender.audio.wav import read_wav, wav_bytes
from sandbox.client.driver import Driver, direct_message, text_of
from sandbox.names import BEN, BOT_TOKEN, MIA, SOUND_TEAM, SOUNDS
from tests.conftest import REPOSITORY, free_port
from tests.scenarios.stack import Stack, video_id
from tests.support.audio import melody, pcm16


@pytest.fixture(scope="module")
def music(stack: Stack) -> Path:
    """A folder of sounds, indexed through the stack's embedder as people do it."""
    folder = stack.folder / "music"
    (folder / "Loops").mkdir(parents=True)
    for number in range(4):
        path = folder / "Loops" / f"loop {number}.wav"
        path.write_bytes(wav_bytes(pcm16(melody(3.5, seed=100 + number))))
    indexed(stack, folder, "library")
    return folder


def indexed(stack: Stack, folder: Path, out: str) -> None:
    command = ["build", "library", str(folder), "--out", str(stack.folder / out), "--embedder-url", stack.embedder_url]
    run(stack, "-m", "recommender", *command)


def run(stack: Stack, *arguments: str, **environment: str) -> str:
    """Run a command of Python to its end, which has to be a good one; returns what it said."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **stack.environment, **environment},
        cwd=stack.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def settings(stack: Stack, music: Path) -> dict[str, str]:
    """Of a team whose catalogue is that library; Mia's user group may add to it."""
    return {
        "CATALOGUE": str(stack.folder / "library"),
        "LISTEN_BUTTON": "true",
        "LIBRARY_ADDERS": f"S0GONE, {SOUND_TEAM}, UNOBODY",
    }


@pytest.fixture
def library(stack: Stack, slack: Driver, settings: dict[str, str]) -> Iterator[Driver]:
    """The workspace of that team."""
    with stack.only_worker(**settings), stack.only_bot(**settings):
        slack.wait_for_bot()
        slack.configure(scopes=[*SCOPES, FILES_SCOPE, GROUPS_SCOPE])
        yield slack
        slack.configure(org=False)


def downloaded(url: str) -> bytes:
    return requests.get(url, headers={"Authorization": f"Bearer {BOT_TOKEN}"}, timeout=10).content


def new_sound(path: Path, seed: int) -> Path:
    path.write_bytes(wav_bytes(pcm16(melody(4.0, seed=seed))))
    return path


def leave_out_and_export(library: Driver) -> None:
    """What one person sees is exported into the direct messages, without what was not relevant."""
    library.command("loop top 3", user=BEN)
    answer = library.wait_ephemeral(lambda message: "*3.*" in text_of(message), user=BEN)
    first, second = re.findall(r"^\*[12]\.\* (.*?) ·", text_of(answer), re.MULTILINE)
    library.choose(answer, "Not relevant", user=BEN)
    edited = library.wait_ephemeral(
        lambda message: message["ts"] == answer["ts"] and f"*1.* {second}" in text_of(message), user=BEN
    )
    assert first not in text_of(edited)
    library.click(edited, "export", user=BEN)
    direct = library.wait_message(lambda message: len(message.get("files") or []) == 3, direct_message(BEN))
    table = downloaded(direct["files"][0]["url_private_download"]).decode()
    assert len(table.splitlines()) == 4 and f",{first}," not in table
    library.click(edited, "nothing_left_out", user=BEN)
    library.wait_ephemeral(
        lambda message: message["ts"] == answer["ts"] and f"*1.* {first}" in text_of(message), user=BEN
    )


def test_an_upload_is_added_by_who_may_and_is_found_and_played_at_once(
    library: Driver, music: Path, tmp_path: Path
) -> None:
    question = library.upload(SOUNDS, new_sound(tmp_path / "fresh beat.wav", 200), user=MIA)
    answer = library.wait_reply(question, lambda message: "Clips like" in text_of(message), timeout=60)
    library.click(answer, "add_to_library", user=BEN)
    refusal = library.wait_ephemeral(user=BEN, timeout=30)
    assert "`not-allowed`" in text_of(refusal)
    assert not (music / "Added from Slack").exists()

    library.configure(org=True)  # Slack then asks whose user group is meant
    library.click(answer, "add_to_library", user=MIA)
    told = library.wait_ephemeral(user=MIA, timeout=30)
    assert "Added as Added from Slack/fresh beat.wav" in text_of(told)
    kept = music / "Added from Slack" / "fresh beat.wav"
    assert kept.read_bytes() == (tmp_path / "fresh beat.wav").read_bytes()
    assert MIA in (music / "Added from Slack" / ".added.jsonl").read_text()

    again = library.upload(SOUNDS, new_sound(tmp_path / "same.wav", 200), user=BEN)
    found = library.wait_reply(again, lambda message: "fresh beat" in text_of(message), timeout=30)
    assert "fresh beat · 0:00–0:04 · *100%*" in text_of(found)
    assert "Added from Slack" in text_of(found)
    library.choose(found, "Copy path", user=BEN)
    library.wait_ephemeral(lambda message: text_of(message) == "```Added from Slack/fresh beat.wav```", user=BEN)

    library.click(found, "export", user=BEN)
    exported = library.wait_reply(again, lambda message: len(message.get("files") or []) == 3, timeout=30)
    table, absolute, relative = (downloaded(file["url_private_download"]).decode() for file in exported["files"])
    assert table.splitlines()[0].startswith("query,rank,similarity,title")
    assert f"Added from Slack/fresh beat.wav,{kept}," in table
    assert str(kept) in absolute.splitlines()
    assert "Added from Slack/fresh beat.wav" in relative.splitlines()

    library.click(found, "picture", user=BEN)
    drawn = library.wait_reply(again, lambda message: "A map" in str(message.get("files")), timeout=30)
    assert downloaded(drawn["files"][0]["url_private_download"]).startswith(b"\x89PNG")
    shown = "Clips like same.wav: a map with the query in the middle. Above it the waveform of the query."
    assert drawn["files"][0]["alt_txt"].startswith(shown)

    library.choose(found, "Listen", user=BEN)
    excerpt = library.wait_reply(again, lambda message: "fresh beat 0:00" in str(message.get("files")), timeout=30)
    assert excerpt["files"][0]["title"] == "fresh beat 0:00–0:04"
    samples, rate = read_wav(downloaded(excerpt["files"][0]["url_private_download"]))
    assert (len(samples), rate) == (64_000, 16_000)
    leave_out_and_export(library)
    assert {refusal["error"] for refusal in library.refusals()} == {"no_such_subteam"}


def test_without_a_scope_people_are_told_which_is_missing(library: Driver, tmp_path: Path) -> None:
    library.configure(scopes=list(SCOPES))
    question = library.upload(SOUNDS, new_sound(tmp_path / "x.wav", 201), user=BEN)
    answer = library.wait_reply(question, lambda message: "Clips like" in text_of(message), timeout=60)
    library.choose(answer, "Listen", user=BEN)
    told = library.wait_ephemeral(user=BEN, timeout=30)
    assert FILES_SCOPE in text_of(told)
    for button in ("picture", "export"):
        library.click(answer, button, user=BEN)
        told = library.wait_ephemeral(user=BEN, timeout=30, after=told["ts"])
        assert FILES_SCOPE in text_of(told)
    library.click(answer, "add_to_library", user=MIA)
    assert GROUPS_SCOPE in text_of(library.wait_ephemeral(user=MIA, timeout=30))


def test_an_answer_leads_to_files_after_a_restart_and_without_redis(
    stack: Stack, slack: Driver, settings: dict[str, str]
) -> None:
    slack.configure(scopes=[*SCOPES, FILES_SCOPE])
    with stack.only_bot(**settings):
        slack.command("loop top 3", user=BEN)
        answer = slack.wait_ephemeral(lambda message: "*3.*" in text_of(message), user=BEN)
    with stack.only_bot(**settings, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"):
        slack.click(answer, "picture", user=BEN)
        drawn = slack.wait_message(lambda m: "A map" in str(m.get("files")), direct_message(BEN))
        assert downloaded(drawn["files"][0]["url_private_download"]).startswith(b"\x89PNG")
        slack.click(answer, "export", user=BEN)
        slack.wait_message(lambda m: len(m.get("files") or []) == 3, direct_message(BEN))


@pytest.fixture
def several(stack: Stack, slack: Driver) -> Iterator[tuple[Driver, Path, str]]:
    """The workspace of a team that searches videos and its own sounds at once; the folder of these, and CATALOGUE."""
    folder = stack.folder / "SFX"
    for number in range(20):
        folder.mkdir(exist_ok=True)
        (folder / f"slam {number}.wav").write_bytes(wav_bytes(pcm16(melody(3.1, seed=300 + number))))
    indexed(stack, folder, "sfx")
    settings = {"CATALOGUE": f"{stack.catalogue},{stack.folder / 'sfx'}", "LISTEN_BUTTON": "true"}
    with stack.only_worker(**settings), stack.only_bot(**settings):
        slack.wait_for_bot()
        slack.configure(scopes=[*SCOPES, FILES_SCOPE, GROUPS_SCOPE])
        yield slack, folder, settings["CATALOGUE"]


def test_videos_and_own_sounds_are_searched_at_once(
    stack: Stack, several: tuple[Driver, Path, str], tmp_path: Path
) -> None:
    slack, folder, catalogue = several
    slack.command(f"{video_id(1)} top 20 here", channel=SOUNDS)
    both = slack.wait_message(lambda message: "Clips like" in text_of(message), timeout=30)
    assert " · SFX" in text_of(both) and " · catalogue" in text_of(both)
    sound = slack.upload(SOUNDS, new_sound(tmp_path / "fresh.wav", 301), user=BEN)
    answer = slack.wait_reply(sound, lambda message: "Clips like" in text_of(message), timeout=60)
    assert " · SFX" in text_of(answer)

    slack.command("slam 3.wav in sfx top 3", channel=SOUNDS)
    own = slack.wait_ephemeral(lambda message: "In SFX" in text_of(message), timeout=30)
    assert text_of(own).count(" · SFX") == 3 and " · catalogue" not in text_of(own)
    slack.choose(own, "More like this")
    slack.wait_ephemeral(lambda message: "more like" in text_of(message) and "In SFX" in text_of(message), timeout=30)

    slack.mention(SOUNDS, "slam 3.wav in sfx", user=BEN)
    said = slack.wait_message(lambda message: "In SFX" in text_of(message), timeout=30)
    slack.choose(said, "Listen", user=BEN)
    slack.wait_for(lambda: [m for m in slack.messages(SOUNDS) if "slam" in str(m.get("files"))], timeout=30)
    slack.open_home()
    slack.wait_home(lambda view: "*catalogue* (24), *SFX* (20)" in json.dumps(view))

    (folder / "slam new.wav").write_bytes(wav_bytes(pcm16(melody(3.1, seed=320))))
    indexed(stack, folder, "sfx")
    slack.command("slam new.wav top 1", channel=SOUNDS)
    slack.wait_ephemeral(lambda message: "*Clips like* slam new" in text_of(message), timeout=30)

    told = run(stack, "-m", "bot", "check", CATALOGUE=catalogue)
    assert "45 clips (catalogue 24, SFX 21), musicnn-msd" in told and str(folder) in told
    typed = run(stack, "-m", "recommender", "similar", catalogue, video_id(1), "--in", "SFX", "--top", "2")
    assert typed.count(" SFX/slam") == 2
    assert "whole, 45 clips (catalogue: 24 clips" in run(stack, "-m", "recommender", "verify", catalogue)
