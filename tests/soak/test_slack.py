"""Slack that is slow, refuses, breaks off, repeats itself, and is reached by two bots."""

from __future__ import annotations

import time

from sandbox.client.driver import direct_message, text_of
from sandbox.names import BOT, SOUNDS
from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, LINGER_SECONDS, Ledger
from tests.support.town import Town


def test_rate_limited(town: Town, ledger: Ledger, check: Check):
    """Slack answers 429 with Retry-After"""
    for method in ("chat.postMessage", "chat.update", "files.info"):
        town.driver.fail(method, "ratelimited", times=4, retry_after=2)
    ledger.upload(8)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_server_errors(town: Town, ledger: Ledger, check: Check):
    """Slack answers 500"""
    for method in ("chat.postMessage", "chat.update", "files.info"):
        town.driver.fail(method, "internal_error", times=6)
    ledger.upload(8)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_connections_break(town: Town, ledger: Ledger, check: Check):
    """Slack closes every connection without an answer for 10 s"""
    ledger.upload(4)
    town.driver.fail("*", "connection_closed", times=None)
    ledger.upload(4, channel=SOUNDS)
    time.sleep(10)
    town.driver.fail("*", times=0)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_answers_are_cut(town: Town, ledger: Ledger, check: Check):
    """Slack does as it is told, and its answer breaks off"""
    for method in ("chat.postMessage", "chat.update", "files.info"):
        town.driver.fail(method, "answer_cut", times=9)
    ledger.upload(8)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_every_call_fails(town: Town, ledger: Ledger, check: Check):
    """every call to Slack fails for 10 s"""
    ledger.upload(4)
    town.driver.fail("*", "internal_error", times=None)
    ledger.upload(4)
    time.sleep(10)
    town.driver.fail("*", times=0)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_sockets_closed(town: Town, ledger: Ledger, check: Check):
    """socket closed every 5 s, for 16 s"""
    town.driver.faults(drop_sockets_every=5, retry_delays=[0, 1, 2, 4, 8])
    ends = time.monotonic() + 16
    while time.monotonic() < ends:
        ledger.upload(1)
        ledger.command("#3", "USOAKCUT")
        time.sleep(0.4)
    town.driver.faults(drop_sockets_every=0)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_sockets_refreshed(town: Town, ledger: Ledger, check: Check):
    """socket refreshed by Slack every 2 s, for 8 s"""
    town.driver.faults(refresh_every=2, retry_delays=[0, 1, 2, 4, 8])
    ends = time.monotonic() + 8
    while time.monotonic() < ends:
        ledger.upload(1)
        ledger.command("#3", "USOAKREF")
        time.sleep(0.2)
    town.driver.faults(refresh_every=0)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_doubled_to_two_bots(town: Town, ledger: Ledger, check: Check):
    """each event twice, to two bots and two workers"""
    town.populate(bots=2, workers=2)
    town.driver.faults(doubled_events=True, file_delay=0.3)
    ledger.upload(20)
    ledger.upload(8, channel=SOUNDS)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_bot_killed(town: Town, ledger: Ledger, check: Check):
    """bot killed while it accepts, another started"""
    town.driver.faults(retry_delays=[0, 1, 2, 4, 8, 16])
    ledger.upload(6)
    town.bots[-1].kill()
    ledger.upload(4)
    town.populate()
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_files_are_a_moment_old(town: Town, ledger: Ledger, check: Check):
    """files that Slack does not know, has no address for, or gives its login page for, in their first second"""
    town.driver.faults(unknown_for=0.3, url_missing_for=0.6, shares_missing_for=0.8, login_page_for=1.5)
    ledger.upload(6)
    ledger.upload(4, channel=SOUNDS)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_files_lie_elsewhere(town: Town, ledger: Ledger, check: Check):
    """downloads that redirect to another host, with the token and without"""
    for kind in ("origin", "edge"):
        town.driver.faults(redirect_files=kind)
        ledger.upload(4)
        ledger.settle()
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_edits_are_refused(town: Town, ledger: Ledger, check: Check):
    """Slack lets nobody edit a message"""
    town.driver.fail("chat.update", "edit_window_closed", times=6)
    ledger.upload(8)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_mentions_are_corrected(town: Town, ledger: Ledger, check: Check):
    """mentions of files corrected twice while they are worked, each event doubled, two bots and two workers"""
    town.populate(bots=2, workers=2)
    town.driver.faults(doubled_events=True, file_delay=0.3)
    questions = ledger.upload(8, channel=SOUNDS, comment=f"<@{BOT}> top 5")
    for top in (4, 3):
        for question in questions:
            town.driver.edit(question, f"<@{BOT}> top {top}")
        time.sleep(0.5)
    check(ledger.settle())
    assert all(ANSWER in text and "*3.*" in text and "*4.*" not in text for text in ledger.texts())


def test_response_urls_are_used_up(town: Town, ledger: Ledger, check: Check):
    """response_urls that take no more: whoever clicked is answered directly"""
    people = [f"USOAKURL{number}" for number in range(8)]
    for user in people:
        town.driver.add_user(user)
        ledger.command("#3", user)
    town.driver.wait_quiet(LINGER_SECONDS)
    row = ledger.count()
    town.driver.faults(response_urls_expired=True)
    for user in people:
        town.driver.click(town.driver.ephemerals(user)[-1], "next_ten", user=user)
    town.driver.wait_quiet(LINGER_SECONDS)
    for user in people:
        told = [text_of(message) for message in town.driver.messages(direct_message(user))]
        row.sent += 1
        row.once += len(told) == 1 and "*11.*" in told[0] and "Directly to you" in told[0]
        row.lost += not told
        row.doubled += len(told) > 1
    check(row)


def test_rate_is_kept(town: Town, ledger: Ledger, check: Check):
    """one message a second and channel, 10 at once"""
    town.driver.faults(rate=True)
    since = newest(town)
    ledger.upload(10, channel=SOUNDS)
    check(ledger.settle())
    refused = [entry for entry in town.driver.calls("chat.postMessage", since) if not entry["ok"]]
    assert len(refused) <= 3, f"{len(refused)} posts came too early"
    assert all(ANSWER in text for text in ledger.texts())


def newest(town: Town) -> int:
    """Number of the next traffic entry."""
    entries = town.driver.traffic()
    return int(entries[-1]["id"]) + 1 if entries else 1
