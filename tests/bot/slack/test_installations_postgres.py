"""Installations in a real PostgreSQL: the same as in a file, and nobody waits for one that holds still."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from bot import workspaces
from bot.errors import InstallationsAway, NotInstalled
from bot.slack.installations import KEPT_SECONDS, WAIT_SECONDS, Installations
from tests.bot.slack.test_installations import ORG, OTHER, TEAM, install, settings
from tests.support.postgres import Postgres


@pytest.fixture
def installations(tmp_path: Path, postgres_url: str) -> Iterator[Installations]:
    pytest.importorskip("psycopg")
    known = settings(tmp_path, installations_url=postgres_url)
    with ThreadPoolExecutor() as pool:  # processes that start at once make the tables at once
        opened = list(pool.map(lambda _: Installations(known, WebClient()), range(4)))
        list(pool.map(lambda each: each.prepare(), opened))
    yield opened[0]
    for workspace in (TEAM, OTHER, ORG):
        opened[0].remove(workspace, time.time() + 60)
    for each in opened:
        each._engine.dispose()
    workspaces.expect_many(False)


def test_they_are_found_renewed_and_removed(installations: Installations, monkeypatch: pytest.MonkeyPatch):
    for workspace in (TEAM, OTHER):
        install(installations, workspace, f"xoxb-{workspace.id}")
    install(installations, ORG, "xoxe.old", bot_refresh_token="r1", bot_token_expires_in=60)
    answer = {"token_type": "bot", "access_token": "xoxe.new", "refresh_token": "r2", "expires_in": 43200}
    monkeypatch.setattr(WebClient, "oauth_v2_access", lambda *_, **how: answer)
    assert [installations.bot(each).bot_token for each in (TEAM, OTHER, ORG)] == [
        "xoxb-T0ONE",
        "xoxb-T0TWO",
        "xoxe.new",
    ]
    assert len(installations.all()) == 3
    assert installations.remove(ORG, time.time() + 5)
    with pytest.raises(NotInstalled):
        installations.bot(ORG)
    states = installations.states
    one = states.issue()
    assert [states.consume(one), states.consume(one)] == [True, False]


def test_nobody_waits_long_for_one_that_holds_still(
    installations: Installations, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
):
    install(installations, TEAM, "xoxb-a")
    installations.bot(TEAM)
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 2 * KEPT_SECONDS)
    found: list[Any] = []

    def look() -> None:
        found.append(installations.bot(TEAM).bot_token)
        with pytest.raises(InstallationsAway):
            installations.bot(OTHER)
        found.append("away")

    looking = threading.Thread(target=look, daemon=True)
    postgres_server.freeze()
    try:
        looking.start()
        looking.join(8 * WAIT_SECONDS)
    finally:
        postgres_server.thaw()
    assert found == ["xoxb-a", "away"]
    assert installations.present(TEAM)
