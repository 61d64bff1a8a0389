"""One town for all faults; the table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ledger import Ledger, Row, require_once, table
from tests.support.town import Town

HERE = Path(__file__).parent
TEST_SECONDS = 240
_rows: list[Row] = []
_started = time.monotonic()

Check = Callable[[Row], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it is soak."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.soak)
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Add the processes' logs to the report of a failure."""
    report: pytest.TestReport = yield
    town = getattr(item, "funcargs", {}).get("town")
    if report.failed and isinstance(town, Town):
        report.sections += town.logs()
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    if _rows:
        terminalreporter.write_line("")
        terminalreporter.write_line(table(_rows))
        terminalreporter.write_line(f"\n{len(_rows)} faults in {time.monotonic() - _started:.0f} s")


@pytest.fixture(scope="session")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The processes, started once."""
    town = Town(tmp_path_factory.mktemp("town"))
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
def ledger(town: Town, request: pytest.FixtureRequest) -> Ledger:
    """Counts under the name of the test's fault, which is the first line of its docstring."""
    name = (request.function.__doc__ or request.node.name).strip().splitlines()[0].rstrip(".")
    return Ledger(name, town.driver, town.folder)


@pytest.fixture
def check() -> Check:
    """Adds a row to the table, and fails where something was lost or doubled."""

    def add(row: Row) -> None:
        _rows.append(row)
        require_once(row)

    return add
