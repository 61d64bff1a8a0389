"""A sandbox and a tiny bot beside it, each a process of its own; one pair per test process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from slack_sdk import WebClient

from sandbox import names
from sandbox.client import process as starting
from sandbox.client.driver import Driver


@contextmanager
def peer(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "SLACK_API_URL": f"{url}/api/"}
    command = [sys.executable, "-m", "tests.sandbox.peer", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def empty_sandbox() -> Iterator[str]:
    """A sandbox that no bot is connected to."""
    with starting.running() as url:
        yield url


@pytest.fixture
def lonely(empty_sandbox: str) -> Iterator[Driver]:
    """A driver of the sandbox that no bot is connected to."""
    driver = Driver(empty_sandbox)
    driver.reset()
    driver.configure(**DEFAULTS)
    yield driver
    driver.clear_faults()


@pytest.fixture
def client(lonely: Driver) -> WebClient:
    """A Web API client with the bot's token, on the sandbox that no bot is connected to."""
    return WebClient(names.BOT_TOKEN, base_url=f"{lonely.url}/api/")


@pytest.fixture(scope="session")
def peered_sandbox() -> Iterator[str]:
    """A sandbox with the tiny bot connected to it."""
    with starting.running() as url, peer(url):
        Driver(url).wait_for_bot()
        yield url


@pytest.fixture
def driver(peered_sandbox: str) -> Iterator[Driver]:
    """A driver of the sandbox with the tiny bot, emptied."""
    driver = Driver(peered_sandbox)
    driver.wait_quiet(0.05)
    driver.reset()
    driver.configure(**DEFAULTS)
    driver.wait_for_bot()
    yield driver
    driver.clear_faults()


DEFAULTS = {
    "scopes": ["app_mentions:read", "chat:write", "commands", "files:read", "im:history"],
    "events": ["app_home_opened", "app_mention", "file_shared", "message.im"],
    "request_url": "",
    "commands": [{"command": "/similar", "description": "Find clips that sound alike", "usage_hint": "[clip id]"}],
    "shortcuts": [{"name": "Find similar clips", "type": "message", "callback_id": "find_similar"}],
}
