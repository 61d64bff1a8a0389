"""Which tests share a process of pytest-xdist: those of one module, and modules that share what is slow to start.

pytest-xdist's own groups (`--dist loadgroup`) are ignored under pytest 9.2, silently (pytest-xdist#1386).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOWN = "embedders|faults|hostile_requests|http_faults|key_prefix|probes|security|workspaces"
GROUPS = {
    "stack": rf"tests/scenarios/test_(?!{TOWN})",
    "town": rf"tests/scenarios/test_({TOWN})\.py",
    "tensorflow": r"tests/recommender/(embedders/test_(?!client|framing|text_client)|service/|commands/test_embedder)",
    "postgres": r"tests/(recommender/catalogue/(postgres/|test_contract\w*\.py.*\[in_postgres)|bot/.*_postgres\.py)",
    "milvus": r"tests/recommender/catalogue/(milvus/|test_contract\w*\.py.*\[in_milvus)",
    "sandbox": r"tests/sandbox/",
}
"""By the beginnings of their ids; the group that takes longest begins first."""


def group(nodeid: str) -> str:
    """Return the group of a test, or its module."""
    module = nodeid.partition("::")[0]
    return next((name for name, pattern in GROUPS.items() if re.match(pattern, nodeid)), module)


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole groups, those above first, then modules by their number of tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        for name in reversed(GROUPS):
            if name in self.workqueue:
                self.workqueue.move_to_end(name, last=False)
        super()._assign_work_unit(node)


def once_per_run(factory: pytest.TempPathFactory, name: str) -> None:
    """Fail if another process of this run has started the same: its tests are in no group."""
    processes = factory.getbasetemp()
    if not processes.name.startswith("popen-"):
        return
    owner = Path(processes.parent, f"{name}.owner")
    try:
        with owner.open("x") as file:
            file.write(processes.name)
    except FileExistsError:
        assert owner.read_text() == processes.name, f"a second {name} in one run: see tests/support/groups.py"
