"""A whole bot behind the sandbox: every surface, driven as a person would."""

from __future__ import annotations

import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import names
from sandbox.client import process as starting
from sandbox.client.driver import Driver, DriverError
from sandbox.client.reading import text_of
from tests.sandbox.conftest import peer

DM = names.direct_message(names.ADA)


@pytest.fixture
def beep(tmp_path: Path) -> Path:
    path = tmp_path / "beep & boop.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(bytes(32000))
    return path


def test_commands_answer_the_asker_alone(driver: Driver):
    answer = driver.command("1OU19ANx4fg")
    assert answer["acked"]
    assert answer["ms"] < 3000
    reply = driver.wait_ephemeral()
    assert "you asked for 1OU19ANx4fg" in text_of(reply)
    assert driver.ephemerals(names.BEN) == []
    with pytest.raises(DriverError, match="sees no message"):
        driver.click(reply, "again", user=names.BEN)


def test_acks_that_carry_text_are_shown(driver: Driver):
    assert driver.command("ack")["response"] in ("at once", {"text": "at once"})
    assert driver.wait_ephemeral()["text"] == "at once"


def test_commands_that_nobody_knows(driver: Driver):
    assert driver.command(command="/dance")["error"] == "invalid_command"


def test_buttons_replace_an_ephemeral_answer(driver: Driver):
    driver.command("x")
    first = driver.wait_ephemeral()
    driver.click(first, "again")
    second = driver.wait_ephemeral(lambda m: "again x" in text_of(m))
    assert second["ts"] == first["ts"]
    driver.click(second, "again")
    driver.wait_ephemeral(lambda m: "again x!" in text_of(m))


def test_response_urls_take_five_posts(driver: Driver):
    driver.command("six")
    driver.wait_traffic(lambda e: e["error"] == "used_url", kind="response_url")
    assert len(driver.ephemerals()) == 5


def test_selects_menus_and_suggestions(driver: Driver):
    driver.command("all")
    message = driver.wait_message()
    driver.select(message, "static", "Rain")
    driver.wait_ephemeral(lambda m: m["text"] == "chose Rain")
    driver.select(message, "more", "2")
    driver.wait_ephemeral(lambda m: m["text"] == "chose 2")
    with pytest.raises(DriverError, match="offers nothing"):
        driver.select(message, "labels", "Jazz")
    assert [o["value"] for o in driver.options(message, "labels", "jazz")] == ["Jazz", "Jazz guitar"]
    driver.select(message, "labels", "Jazz guitar")
    driver.wait_ephemeral(lambda m: m["text"] == "chose Jazz guitar")
    driver.click(message, "next")
    driver.wait_message(lambda m: m["text"] == "edited")


def test_files_are_answered_in_their_thread(driver: Driver, beep: Path):
    question = driver.upload(path=beep, comment="what is this?")
    assert question["files"][0]["duration_ms"] == 1000
    reply = driver.wait_reply(question, lambda m: "sounds like rain" in m["text"])
    assert reply["thread_ts"] == question["ts"]
    assert reply["edited"]
    assert driver.message(question["ts"])["reply_count"] == 1


def test_files_where_the_bot_is_not_are_not_told_of(driver: Driver, beep: Path):
    driver.upload(names.RANDOM, beep)
    driver.wait_quiet(0.2)
    assert driver.traffic(kind="event") == []


def test_files_in_replies_know_their_thread(driver: Driver, beep: Path):
    first = driver.say(text="first")
    reply = driver.upload(path=beep, thread_ts=first["ts"])
    share = driver.file(reply["files"][0]["id"])["shares"]["public"][names.SOUNDS][0]
    assert (share["ts"], share["thread_ts"]) == (reply["ts"], first["ts"])


def test_voice_clips(driver: Driver, beep: Path):
    file = driver.upload(path=beep, voice=True)["files"][0]
    assert file["subtype"] == "slack_audio"


def test_mentions_and_direct_messages(driver: Driver):
    question = driver.mention(text="hello")
    driver.wait_reply(question, lambda m: m["text"].startswith("heard"))
    driver.open_messages()
    driver.say(DM, "hi")
    driver.wait_message(lambda m: m["text"] == "you said hi", DM)


def test_modals_check_complete_and_submit(driver: Driver, beep: Path):
    driver.command()
    view = driver.wait_view()
    assert view["private_metadata"] == "start"
    refused = driver.submit(view)
    assert refused["errors"] == {"clip": "Give a clip or a file."}
    assert driver.views()
    assert driver.options(view, "labels", "jazz")
    driver.submit(view, {"clip": "abc", "files": [beep], "labels": ["Jazz"]})
    assert driver.views() == []
    driver.wait_message(lambda m: m["text"] == "clip abc; files beep & boop.wav; only ['Jazz']", DM)


def test_file_inputs_keep_to_their_types(driver: Driver, tmp_path: Path):
    driver.command()
    note = tmp_path / "note.txt"
    note.write_text("hello")
    with pytest.raises(DriverError, match=r"does not take note\.txt"):
        driver.submit(driver.wait_view(), {"files": [note]})


def test_homes_open(driver: Driver):
    driver.open_home()
    home = driver.wait_home()
    assert "22,160 clips" in text_of(home)
    driver.click(home, "ask")
    assert driver.wait_view()["private_metadata"] == "home"


def test_shortcuts_carry_the_message(driver: Driver):
    message = driver.say(text="listen to this")
    driver.shortcut("find_similar", message)
    driver.wait_ephemeral(lambda m: m["text"] == "similar to 'listen to this'")
    with pytest.raises(DriverError, match="no message shortcut"):
        driver.shortcut("dance", message)


def test_nothing_is_refused_in_an_ordinary_day(driver: Driver, beep: Path):
    driver.command("x")
    driver.wait_ephemeral()
    driver.wait_reply(driver.upload(path=beep), lambda m: "rain" in m["text"])
    driver.wait_quiet(0.2)
    assert driver.refusals() == []


@pytest.fixture(scope="module")
def over_http() -> Iterator[tuple[str, str]]:
    """A sandbox and the tiny bot in HTTP mode: the sandbox's address and the bot's request URL."""
    with starting.running() as url, peer(url, "http") as process:
        assert process.stdout is not None
        yield url, process.stdout.readline().strip()


def test_http_mode_verifies_signs_and_asks(over_http: tuple[str, str], beep: Path):
    url, request_url = over_http
    driver = Driver(url)
    driver.configure(request_url=request_url)
    driver.command("x")
    driver.wait_ephemeral(lambda m: "you asked for x" in text_of(m))
    driver.click(driver.ephemerals()[0], "again")
    driver.wait_ephemeral(lambda m: "again x" in text_of(m))
    driver.wait_reply(driver.upload(path=beep), lambda m: "rain" in m["text"])
    driver.command("")
    assert driver.submit(driver.wait_view())["errors"]
    driver.wait_quiet(0.2)
    assert driver.refusals() == []


def test_http_mode_refuses_an_address_that_does_not_know_the_challenge(lonely: Driver):
    with pytest.raises(DriverError, match="did not answer the challenge"):
        lonely.configure(request_url=f"{lonely.url}/no/such/place")


def test_the_address_is_printed_and_a_port_in_use_is_named(lonely: Driver):
    port = lonely.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", port], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"port {port} cannot be used (Address already in use); choose another with --port\n"
