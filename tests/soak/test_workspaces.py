"""Two workspaces with the same ids of people and channels under load: nothing is lost, doubled or crossed."""

from __future__ import annotations

import threading
from typing import Any

from sandbox import names
from sandbox.client.driver import text_of
from tests.soak.conftest import Check
from tests.support import tenants as tenancy
from tests.support.ledger import ANSWER, FILE, Ledger, Row
from tests.support.town import Town

UPLOADS, COMMANDS = 40, 200
SENDERS = 5
TEAMS = (names.TEAM, "T0SOAK")


def test_two_workspaces(town: Town, ledger: Ledger, check: Check):
    """two workspaces of one bot: 80 uploads and 400 commands at once, every event twice"""
    town.populate(bots=0, workers=0)
    town.driver.add_workspace(TEAMS[1], "Soak")
    with tenancy.running(town) as tenants:
        ledgers = []
        for team in TEAMS:
            assert tenants.install(team=team).status_code == 200
            person = tenants.person(team)
            person.faults(doubled_events=True)
            ledgers.append(Ledger(ledger.fault, person, town.folder))
        threads = [thread for each in ledgers for thread in asking(tenants, each)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = [each.settle(timeout=150) for each in ledgers]
        check(added(ledger.fault, rows))
        assert sum(row.sent for row in rows) == 2 * (UPLOADS + COMMANDS)
        assert all(ANSWER in text for each in ledgers for text in each.texts())
        assert crossed(ledgers) == []


def asking(tenants: tenancy.Tenants, ledger: Ledger) -> list[threading.Thread]:
    """Return the threads in which people of one workspace ask; commands say of which by the number of results."""
    top = 3 + TEAMS.index(ledger.driver.team)

    def type_commands(number: int) -> None:
        part = Ledger("part", tenants.person(ledger.driver.team), ledger.folder)
        for turn in range(COMMANDS // SENDERS):
            part.command(f"#{(number + turn) % 24} top {top}", f"USOAKC{number}")
        ledger.commands.update(part.commands)
        ledger.typed.update(part.typed)

    uploads = threading.Thread(target=ledger.upload, args=(UPLOADS,))
    return [uploads, *(threading.Thread(target=type_commands, args=(number,)) for number in range(SENDERS))]


def crossed(ledgers: list[Ledger]) -> list[str]:
    """Return what stands in one workspace and is no answer to it: answers about the other's files, or to its commands,
    told by the number of their results."""
    found = []
    for ledger, other in (ledgers, ledgers[::-1]):
        state = ledger.driver.state()
        said = [m for channel in state["channels"] for m in ledger.driver.messages(channel["id"]) if m.get("bot_id")]
        about = {int(number) for message in said for number in FILE.findall(text_of(message))}
        found += [f"sound{number}x" for number in about & set(other.uploads)]
        top = 3 + TEAMS.index(ledger.driver.team)
        for user in ledger.commands:
            messages = ledger.driver.ephemerals(user)
            found += [f"{top}: {text_of(message)}" for message in messages if results_of(message) != top]
    return found


def results_of(message: dict[str, Any]) -> int:
    """Return the number of results in an answer: each has a menu at its side."""
    return sum(block.get("accessory", {}).get("type") == "overflow" for block in message.get("blocks", []))


def added(fault: str, rows: list[Row]) -> Row:
    """Return the rows as one."""
    longest = max(row.longest for row in rows)
    sums = {name: sum(getattr(row, name) for row in rows) for name in ("sent", "once", "lost", "doubled")}
    return Row(fault, **sums, longest=longest)
