"""Two workspaces and an organisation with one bot: installed, uninstalled, and nothing of one seen by another.

The two have the same ids of people and channels, as Slack allows; whatever were kept without the workspace would cross.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from sandbox import names
from sandbox.client.driver import Driver, direct_message, text_of
from tests.support import tenants as tenancy
from tests.support.ledger import ANSWER
from tests.support.tenants import PREFIX, Tenants
from tests.support.town import Town

ONE, TWO, ORG, ORG_ONE, ORG_TWO = names.TEAM, "T0TWO", "E0ORG", "T0ORGA", "T0ORGB"


@pytest.fixture(scope="module")
def tenants(whole_town: Town) -> Iterator[Tenants]:
    whole_town.populate(bots=0, workers=0)
    whole_town.driver.add_workspace(TWO, "Two")
    whole_town.driver.add_workspace(ORG_ONE, "Org one", enterprise=ORG)
    whole_town.driver.add_workspace(ORG_TWO, "Org two", enterprise=ORG, ending="9")
    with tenancy.running(whole_town) as running:
        yield running
    said = tenancy.logs(whole_town.folder)
    broken = [line for line in said.splitlines() if "Traceback" in line and '"level": "debug"' not in line]
    assert not broken
    assert not [secret for secret in ("xoxb-", "xoxe", names.CLIENT_SECRET) if secret in said]


@pytest.fixture(scope="module")
def ada(tenants: Tenants) -> Driver:
    """Ada of the first workspace, where the app is installed by its page."""
    page = tenants.install(team=ONE)
    assert (page.status_code, "is installed in Sandbox" in page.text) == (200, True)
    return tenants.person(ONE)


@pytest.fixture(scope="module")
def eve(tenants: Tenants) -> Driver:
    """Ada's namesake in the second."""
    assert tenants.install(team=TWO).status_code == 200
    return tenants.person(TWO)


def answers(driver: Driver, channel: str | None = None) -> list[str]:
    """Return what the bot said in a channel, and to the person alone."""
    said = [message for message in driver.messages(channel) if message.get("bot_id")]
    return [text_of(message) for message in (*said, *driver.ephemerals())]


def test_both_are_answered_and_neither_sees_the_other(tenants: Tenants, ada: Driver, eve: Driver, sound: Path):
    for driver in (ada, eve):
        driver.reset()
    asked = ada.upload(path=sound)
    answer = ada.wait_reply(asked, lambda message: ANSWER in text_of(message))
    ada.command("settings")
    ada.wait_ephemeral()
    ada.select(ada.ephemerals()[-1], "channel_answers", "mentioned")
    ada.wait_for(lambda: f"{PREFIX}:manner:{ONE}:{names.SOUNDS}" in tenants.kept(), what="the setting")
    assert answers(eve) == []
    # Settings: the same channel id answers every sound still. Marks: the same sound is another wish.
    theirs = eve.wait_reply(eve.upload(path=sound), lambda message: ANSWER in text_of(message))
    # Home: the last questions are one's own.
    ada.command("#7 top 4")  # which nobody asks elsewhere
    eve.open_home()
    shown = eve.wait_for(eve.home, what="the home")
    assert "#7" not in str(shown)
    assert "beat" in str(shown)  # their own
    # Buttons: one that was copied over works on the catalogue alone; what it names of a file is not to be had.
    eve.click(theirs, "next_ten")
    eve.wait_for(lambda: "more" in text_of(eve.message(theirs["ts"])).lower(), what="the next ten")
    assert text_of(ada.message(answer["ts"])) == text_of(answer)
    assert {entry["request"].get("team_id") for entry in eve.traffic(kind="event")} == {TWO}


def test_sockets_serve_all_workspaces_too(tenants: Tenants, ada: Driver, eve: Driver, sound: Path):
    asked = time.time()
    with tenants.by_socket():
        for driver in (ada, eve):
            message = driver.upload(direct_message(driver.user), sound)
            driver.wait_reply(message, lambda message: ANSWER in text_of(message))
            driver.command("#9 top 2")
            driver.wait_ephemeral(after=f"{asked:.6f}")
            assert len(driver.replies(message)) == 1


def test_each_key_names_its_workspace_and_no_token(tenants: Tenants, ada: Driver, eve: Driver, sound: Path):
    for driver in (ada, eve):
        driver.wait_reply(driver.upload(direct_message(driver.user), sound), lambda m: ANSWER in text_of(m))
        driver.open_messages()
        driver.wait_quiet(0.5)
    shared = {"queue", "answer", "embedding", "claim"}  # by what was asked, not by who asked
    kept = [key for key in tenants.kept() if key.split(":")[1] not in shared]
    assert not [key for key in kept if not {part[:2] for part in key.replace(".", ":").split(":")} & {"T0", "E0"}]
    assert {key.split(":")[1] for key in kept} >= {"history", "welcomed", "job", "seen"}
    client = tenants.town.redis.client
    dumped = b"".join(client.dump(key) or b"" for key in client.scan_iter(f"{PREFIX}:*"))
    assert b"xox" not in dumped
    assert stat.S_IMODE(tenants.store.stat().st_mode) == 0o600


def test_a_file_of_another_workspace_is_not_to_be_had(tenants: Tenants, ada: Driver, eve: Driver, sound: Path):
    theirs = ada.upload(direct_message(ada.user), sound)["files"][0]
    ada.wait_quiet(0.7)
    before = len(eve.refusals())
    event = {
        "type": "file_shared",
        "file_id": theirs["id"],
        "user_id": eve.user,
        "channel_id": direct_message(eve.user),
    }
    eve.send_event(event | {"event_ts": f"{time.time():.6f}"})
    eve.wait_for(lambda: eve.refusals()[before:], what="no")  # which is asked again for ten seconds, as for a new file
    assert {entry["error"] for entry in eve.refusals()[before:]} == {"file_not_found"}
    assert all(sound.name not in told for told in answers(eve))


def test_an_organisation_is_one_installation(tenants: Tenants, sound: Path):
    page = tenants.install(enterprise=ORG)
    assert "is installed in Sandbox Organisation" in page.text
    first, second = tenants.person(ORG_ONE), tenants.person(ORG_TWO, ending="9")
    for driver in (first, second):
        driver.wait_reply(driver.upload(path=sound), lambda message: ANSWER in text_of(message))
        driver.command("#5 top 3")
        driver.wait_ephemeral()
        driver.open_home()
        assert "#5" in str(driver.wait_for(driver.home, what="the home"))
    assert [key for key in tenants.kept() if f":history:{ORG}:" in key]
    second.withhold(ORG_TWO)
    assert second.command("#5")["error"] == "invalid_command"  # Slack itself lets nobody ask
    second.withhold(ORG_TWO, False)


def test_removing_the_app_removes_what_was_kept(tenants: Tenants, ada: Driver, eve: Driver, sound: Path):
    tenants.town.driver.add_workspace("T0GONE", "Gone")
    tenants.install(team="T0GONE")
    gone = tenants.person("T0GONE")
    gone.wait_reply(gone.upload(path=sound), lambda message: ANSWER in text_of(message))
    ada.command("#3")
    assert [key for key in tenants.kept() if "T0GONE" in key]
    gone.uninstall()
    gone.wait_for(lambda: not [key for key in tenants.kept() if "T0GONE" in key], what="the keys to go")
    assert [key for key in tenants.kept() if ONE in key]
    assert gone.command("#3")["error"] == "invalid_command"
    assert tenants.install(team="T0GONE").status_code == 200
    gone.wait_reply(gone.upload(path=sound), lambda message: ANSWER in text_of(message))
    for _ in range(5):
        gone.upload(direct_message(gone.user), sound)
    gone.uninstall("token_revoked")  # while they are being worked
    gone.wait_quiet(1.0)
    left = {key.split(":")[1] for key in tenants.kept() if "T0GONE" in key}
    assert left <= {"thread", "first", "seen"}  # of events that came late: they end by themselves
    assert not [key for key in tenants.kept() if key.endswith(".XQ.msgs")]  # none of them failed


def test_tokens_rotate(tenants: Tenants, sound: Path):
    tenants.town.driver.configure(rotating=True)
    tenants.town.driver.add_workspace("T0TURN", "Turn")
    tenants.install(team="T0TURN")
    turn = tenants.person("T0TURN")
    turn.wait_reply(turn.upload(path=sound), lambda message: ANSWER in text_of(message))
    turn.expire_tokens()
    tenants.soon_expired("T0TURN")
    turn.wait_reply(turn.upload(path=sound), lambda message: ANSWER in text_of(message), timeout=60)
    tenants.town.driver.configure(rotating=False)


def told(page: requests.Response, status: int, sentence: str) -> None:
    """Require a page with one sentence, and nothing of a program in it."""
    assert (page.status_code, sentence in page.text) == (status, True), page.text
    assert not [word for word in ("Traceback", "Error", "sqlalchemy", "File ") if word in page.text]


@pytest.fixture
def begun(tenants: Tenants) -> tuple[str, str]:
    return tenants.begin()


def test_a_cancelled_installation_says_so(tenants: Tenants, begun: tuple[str, str]):
    told(tenants.come_back(tenants.choose(begun[0], deny="1"), begun[1]), 200, "You cancelled")


def test_an_address_works_once(tenants: Tenants, ada: Driver, begun: tuple[str, str]):
    back = tenants.choose(begun[0], team=ONE)
    assert tenants.come_back(back, begun[1]).status_code == 200
    told(tenants.come_back(back, begun[1]), 401, "finished before")


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        (lambda back, cookie: (back, ""), 400, "another browser"),
        (lambda back, cookie: (back, "made-up"), 400, "another browser"),
        (lambda back, cookie: (back.replace(cookie, "made-up"), "made-up"), 401, "begun too long ago"),
        (lambda back, cookie: (back.replace("code=", "code=x"), cookie), 401, "does not take the code"),
        (lambda back, cookie: (back.replace("code=", "cod="), cookie), 401, "no code"),
        (lambda back, cookie: (back.split("?")[0], ""), 400, "another browser"),
        (lambda back, cookie: (back.split("?")[0] + "?error=%3Cscript%3E", ""), 200, "could not install"),
    ],
)
def test_what_slack_did_not_lead_back_is_refused(
    tenants: Tenants,
    begun: tuple[str, str],
    change: Callable[[str, str], tuple[str, str]],
    status: int,
    sentence: str,
):
    page = tenants.come_back(*change(tenants.choose(begun[0], team=ONE), begun[1]))
    told(page, status, sentence)
    assert "script" not in page.text


def test_the_database_away_is_a_sentence(tenants: Tenants, ada: Driver, begun: tuple[str, str]):
    back = tenants.choose(begun[0], team=ONE)
    with ThreadPoolExecutor() as pool, tenants.locked_store():
        page = pool.submit(requests.get, f"{tenants.url}/slack/install", timeout=20)
        led_back = pool.submit(tenants.come_back, back, begun[1])
        ada.command("#3 top 2")  # what is known goes on
        assert ada.wait_ephemeral()
        for each in (page, led_back):
            told(each.result(), 503, "could not be kept")
    assert requests.get(f"{tenants.url}/slack/install", timeout=20).status_code == 200


def test_check_looks_at_each_installation(tenants: Tenants, ada: Driver, eve: Driver):
    tenants.lose_token(TWO)  # while nobody tells: the store has one still
    status, said = tenants.command("check")
    findings = {line.split()[0]: line for line in said.splitlines()}
    assert {"ok", "Sandbox"} <= set(findings[ONE].split())
    assert {"WRONG", "(invalid_auth):"} <= set(findings[TWO].split())
    assert (status, "xox" in said) == (1, False)
    assert tenants.install(team=TWO).status_code == 200


def test_a_person_is_forgotten_in_one_workspace(tenants: Tenants, ada: Driver, eve: Driver):
    for driver in (ada, eve):
        driver.command("#3")
        driver.wait_ephemeral()
        driver.wait_quiet(0.3)
    person = "U0ADA"
    assert tenants.command("forget", person, "--workspace", ONE)[1].startswith("Removed")
    histories = [key for key in tenants.kept() if key.split(":")[1] == "history" and key.endswith(person)]
    assert not [key for key in histories if ONE in key]
    assert [key for key in histories if TWO in key]


def test_nothing_else_is_served(tenants: Tenants):
    for path in ("/slack/install/", "/slack/oauth_redirect/x", "/slack"):
        assert requests.get(tenants.url + path, timeout=5).status_code == 404
    assert requests.post(f"{tenants.url}/slack/install", timeout=5).status_code == 404
    assert requests.post(f"{tenants.url}/slack/events", data=b"{}", timeout=5).status_code == 401
