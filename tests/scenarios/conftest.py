"""One stack of real processes for all scenarios of a run, one town to harm; a failure shows the end of every log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recommender.audio.wav import wav_bytes
from sandbox import names
from sandbox.client.driver import Driver
from tests.scenarios.stack import Stack, running
from tests.support.audio import melody, pcm16
from tests.support.groups import once_per_run
from tests.support.ledger import Ledger
from tests.support.town import Town

SECRETS = (names.BOT_TOKEN, names.APP_TOKEN, "/response/", "hello there", "RIFF")
"""What no log may hold: tokens, addresses to answer at, words of a message, content of a file."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add the processes' logs to the report of a failure."""
    report: pytest.TestReport = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections += [(name, text) for name, text in stack.logs()]
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The processes, started once."""
    once_per_run(tmp_path_factory, "stack")
    with running(tmp_path_factory.mktemp("stack")) as running_stack:
        yield running_stack
    told = {name: secret for name, text in running_stack.logs(10**9) for secret in SECRETS if secret in text}
    assert not told, "secrets or people's words in the logs"


@pytest.fixture
def slack(stack: Stack) -> Iterator[Driver]:
    """A person in an empty workspace with the bot in it."""
    driver = stack.driver
    driver.wait_for_bot()
    driver.clear_faults()
    driver.reset()
    yield driver
    driver.clear_faults()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV that resembles a clip of the small catalogue, under a name that must be escaped."""
    path = tmp_path_factory.mktemp("sound") / "beat & *bold* <b>.wav"
    path.write_bytes(wav_bytes(pcm16(melody(4.0, seed=3))))
    return path


@pytest.fixture(scope="session")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Processes to kill, with the stand-in embedder, that log all they ever log."""
    once_per_run(tmp_path_factory, "town")
    town = Town(tmp_path_factory.mktemp("town"), LOG_LEVEL="DEBUG")
    try:
        yield town
    finally:
        town.close()


@pytest.fixture
def town(whole_town: Town) -> Iterator[Town]:
    """One bot and one worker in good health."""
    whole_town.populate()
    yield whole_town
    whole_town.heal()


@pytest.fixture
def ledger(town: Town) -> Ledger:
    """Counts requests and answers."""
    return Ledger("", town.driver, town.folder)
