"""Installations: found by workspace and organisation, kept privately, renewed in time, removed once."""

from __future__ import annotations

import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation

from bot import workspaces
from bot.errors import InstallationsAway, NotInstalled
from bot.settings import BotSettings
from bot.slack.client import open_installations, web_client
from bot.slack.installations import KEPT_SECONDS, Installations, workspace_of
from bot.workspaces import Workspace, within
from recommender.errors import SettingsError
from tests.conftest import REPOSITORY

TEAM, OTHER, ORG = Workspace("T0ONE"), Workspace("T0TWO", "E0ORG"), Workspace("", "E0ORG")


def settings(tmp_path: Path, **more: Any) -> BotSettings:
    url = f"sqlite:///{tmp_path / 'installations.sqlite'}"
    known = {"slack_client_id": "1.2", "slack_client_secret": "hush", "installations_url": url}
    return BotSettings(_env_file=None, **(known | more))


@pytest.fixture
def installations(tmp_path: Path) -> Iterator[Installations]:
    opened = open_installations(settings(tmp_path))
    assert opened is not None
    opened.prepare()
    yield opened
    workspaces.expect_many(False)


def install(installations: Installations, workspace: Workspace, token: str, **more: Any) -> None:
    installation = Installation(
        app_id="A1",
        enterprise_id=workspace.enterprise or None,
        team_id=workspace.team or None,
        is_enterprise_install=not workspace.team,
        user_id="U1",
        bot_token=token,
        bot_id="B1",
        bot_user_id="U0BOT",
        **more,
    )
    installations.store.save(installation)


def test_each_workspace_has_its_own_token(installations: Installations):
    for workspace in (TEAM, OTHER, ORG):
        install(installations, workspace, f"xoxb-{workspace.id}")
    client = web_client(settings(Path("/nowhere")), installations)
    for workspace in (TEAM, OTHER, ORG):
        with within(workspace):
            assert client.token == f"xoxb-{workspace.id}"
    assert client.token is None  # outside of any
    assert {workspace_of(bot) for bot in installations.all()} == {TEAM, OTHER, ORG}
    with within(Workspace("T0NONE")), pytest.raises(NotInstalled):
        assert client.token


def test_a_workspace_is_found_whatever_organisation_is_named_beside_it(installations: Installations):
    """A person of another organisation submits a modal; a team joins one; a job of 0.1 names its team alone."""
    install(installations, TEAM, "xoxb-one")
    install(installations, OTHER, "xoxb-two")
    install(installations, ORG, "xoxb-org")
    for named in ("", "E0ORG", "E0ELSE"):
        assert installations.bot(Workspace(TEAM.team, named)).bot_token == "xoxb-one"
        assert installations.bot(Workspace(OTHER.team, named)).bot_token == "xoxb-two"
    for unknown in (Workspace(), Workspace("T0NONE", "E0ORG"), Workspace("", "E0ELSE")):
        with pytest.raises(NotInstalled):
            installations.bot(unknown)
    install(installations, Workspace(TEAM.team, "E0ORG"), "xoxb-joined", installed_at=time.time() + 5)
    assert [bot.bot_token for bot in installations.all() if bot.team_id == TEAM.team] == ["xoxb-joined"]
    assert installations.remove(TEAM, at=time.time() + 9)
    with pytest.raises(NotInstalled):
        installations.bot(Workspace(TEAM.team, "E0ORG"))
    assert installations.bot(ORG).bot_token == "xoxb-org"


def test_only_its_owner_reads_the_file(installations: Installations, tmp_path: Path):
    assert stat.S_IMODE((tmp_path / "installations.sqlite").stat().st_mode) == 0o600
    (tmp_path / "installations.sqlite").chmod(0o644)
    Installations(settings(tmp_path), WebClient())
    assert stat.S_IMODE((tmp_path / "installations.sqlite").stat().st_mode) == 0o600


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="this is no clone")
def test_git_leaves_tokens_alone():
    default = BotSettings(_env_file=None).installations_url.removeprefix("sqlite:///")
    for name in (".env", default, f"{default}-journal"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=REPOSITORY, check=False).returncode == 0


def test_a_token_that_soon_ends_is_renewed(installations: Installations, monkeypatch: pytest.MonkeyPatch):
    install(installations, TEAM, "xoxe.old", bot_refresh_token="r1", bot_token_expires_in=60)
    answer = {"token_type": "bot", "access_token": "xoxe.new", "refresh_token": "r2", "expires_in": 43200}
    monkeypatch.setattr(WebClient, "oauth_v2_access", lambda *_, **how: answer)
    assert installations.bot(TEAM).bot_token == "xoxe.new"
    found = installations.store.find_bot(enterprise_id=None, team_id=TEAM.team)
    assert found is not None
    assert (found.bot_token, found.bot_refresh_token) == ("xoxe.new", "r2")


def test_whoever_cannot_renew_goes_on_with_the_old_token(installations: Installations, monkeypatch: pytest.MonkeyPatch):
    install(installations, TEAM, "xoxe.old", bot_refresh_token="r1", bot_token_expires_in=60)

    def refuse(*_: Any, **how: Any) -> None:
        raise SlackApiError("no", {"ok": False, "error": "invalid_refresh_token"})

    monkeypatch.setattr(WebClient, "oauth_v2_access", refuse)
    assert installations.bot(TEAM).bot_token == "xoxe.old"


@pytest.mark.parametrize("ended", [False, True])
def test_a_token_is_renewed_by_one_of_many(
    installations: Installations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: bool
):
    install(installations, TEAM, "xoxe.old", bot_refresh_token="r1", bot_token_expires_in=-60 if ended else 60)
    asked: list[str] = []

    def renew(*_: Any, **how: Any) -> dict[str, Any]:
        asked.append(how["refresh_token"])
        time.sleep(0.2)
        return {"token_type": "bot", "access_token": "xoxe.new", "refresh_token": "r2", "expires_in": 43200}

    monkeypatch.setattr(WebClient, "oauth_v2_access", renew)
    processes = [installations, *(Installations(settings(tmp_path), WebClient()) for _ in range(2))]
    with ThreadPoolExecutor(9) as pool:
        tokens = {bot.bot_token for bot in pool.map(lambda place: processes[place % 3].bot(TEAM), range(9))}
    assert asked == ["r1"]
    assert tokens <= ({"xoxe.new"} if ended else {"xoxe.old", "xoxe.new"})
    assert all(each.bot(TEAM, afresh=True).bot_token == "xoxe.new" for each in processes)


def test_a_token_that_another_process_replaced_is_read_again(installations: Installations):
    install(installations, TEAM, "xoxb-old")
    assert installations.bot(TEAM).bot_token == "xoxb-old"
    assert not installations.superseded(TEAM, "xoxb-old")
    install(installations, TEAM, "xoxb-new", installed_at=time.time() + 5)
    assert installations.bot(TEAM).bot_token == "xoxb-old"  # kept for a while
    assert installations.superseded(TEAM, "xoxb-old")
    assert installations.bot(TEAM).bot_token == "xoxb-new"


def test_a_refused_token_of_a_removed_workspace_says_so(
    installations: Installations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    install(installations, TEAM, "xoxb-a")
    client = web_client(settings(tmp_path), installations)

    def refuse(*_: Any, **how: Any) -> None:
        raise SlackApiError("no", {"ok": False, "error": "account_inactive"})

    monkeypatch.setattr(WebClient, "api_call", refuse)
    with within(TEAM):
        with pytest.raises(SlackApiError):
            client.auth_test()  # the store has it still
        Installations(settings(tmp_path), WebClient()).remove(TEAM, time.time() + 5)  # another process is told
        assert client.token == "xoxb-a"
        with pytest.raises(NotInstalled):
            client.auth_test()


def test_a_late_word_of_a_removal_leaves_the_new_installation(installations: Installations):
    install(installations, TEAM, "xoxb-a")
    install(installations, OTHER, "xoxb-b")
    assert not installations.remove(TEAM, at=time.time() - 60)
    assert installations.bot(TEAM).bot_token == "xoxb-a"
    assert installations.remove(TEAM, at=time.time())
    assert installations.remove(TEAM, at=time.time())  # told twice
    with pytest.raises(NotInstalled):
        installations.bot(TEAM)
    assert installations.bot(OTHER).bot_token == "xoxb-b"


def test_the_database_may_go_away(installations: Installations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(installations, TEAM, "xoxb-a")
    assert installations.bot(TEAM).bot_token == "xoxb-a"
    (tmp_path / "installations.sqlite").unlink()
    (tmp_path / "installations.sqlite").mkdir()
    installations._engine.dispose()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2 * KEPT_SECONDS)
    assert installations.bot(TEAM).bot_token == "xoxb-a"  # what is known goes on
    assert installations.present(TEAM)
    assert not installations.superseded(TEAM, "xoxb-a")
    assert installations.bot(TEAM).bot_token == "xoxb-a"  # after a look at the store, too
    with pytest.raises(InstallationsAway):
        installations.bot(OTHER)


def test_a_state_is_good_once_and_for_a_while(installations: Installations):
    states = installations.states
    one, two = states.issue(), states.issue()
    assert [states.consume(one), states.consume(one), states.consume("made-up")] == [True, False, False]
    states.expiration_seconds = -1
    states.issue()
    assert states.consume(two)
    expired = states.issue()
    assert not states.consume(expired)
    states.expiration_seconds = 600
    states.issue()
    with states.engine.connect() as connection:
        assert len(connection.execute(states.oauth_states.select()).all()) == 1  # the expired ones are gone


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"slack_client_secret": None}, "SLACK_CLIENT_SECRET"),
        ({"slack_bot_token": "xoxb-a"}, "both set"),
        ({"library_adders": "U1"}, "T…/U1"),
        ({"channel_setters": "T1/U1,S2"}, "T…/S2"),
        ({"installations_url": "sqlite://"}, "INSTALLATIONS_URL"),
        ({"installations_url": "nonsense"}, "INSTALLATIONS_URL"),
        ({"installations_url": "oracle9://x/y"}, "INSTALLATIONS_URL"),
        ({"installations_url": "sqlite:////proc/none/a.sqlite"}, "cannot be written"),
    ],
)
def test_settings_that_do_not_go_together_are_told(tmp_path: Path, changed: dict[str, Any], told: str):
    with pytest.raises(SettingsError, match=told):
        open_installations(settings(tmp_path, **changed))
    assert workspaces.known() == workspaces.SINGLE


def test_nothing_changes_with_one_token():
    assert open_installations(BotSettings(_env_file=None, slack_bot_token="xoxb-a")) is None
