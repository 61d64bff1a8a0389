"""Tests that share what is slow to start run in one process of pytest-xdist."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY
from tests.support.groups import GROUPS, Groups, group

MODULES = [str(path.relative_to(REPOSITORY)) for path in sorted(REPOSITORY.glob("tests/**/test_*.py"))]


def test_each_group_has_modules_and_whoever_harms_processes_is_in_the_town():
    groups = {module: group(f"{module}::test_a[in_postgres-1]") for module in MODULES}
    assert {*GROUPS} <= {*groups.values()}
    assert all(name in GROUPS or name == module for module, name in groups.items())
    for module in MODULES:
        if module.startswith("tests/scenarios/"):
            text = (REPOSITORY / module).read_text()
            used = {*re.findall(r"\b(town|whole_town|slack|stack): (?:Town|Driver|Stack)\b", text)}
            assert used <= ({"town", "whole_town"} if groups[module] == "town" else {"slack", "stack"}), module
    assert group("tests/recommender/catalogue/test_contract.py::test_names[in_a_folder-x]") not in GROUPS


class Node:
    def __init__(self) -> None:
        self.gateway, self.shutting_down, self.sent = self, False, list[int]()
        self.id = "gw0"

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_long_groups_begin_first_and_whole(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pytestconfig.option, "tx", ["2*popen"], raising=False)
    monkeypatch.setattr(pytestconfig.option, "loadscopereorder", True, raising=False)
    ids = [*[f"tests/test_a.py::test_{n}" for n in range(9)], "tests/sandbox/test_x.py::test_x"]
    ids += [f"tests/scenarios/test_{name}.py::test_a" for name in ("library", "check", "surfaces")]
    groups, nodes = Groups(pytestconfig), [Node(), Node()]
    for node in nodes:
        groups.add_node(node)
    for node in nodes:
        groups.add_node_collection(node, ids)
    groups.schedule()
    assert [ids[nodes[0].sent[0]], ids[nodes[1].sent[0]]] == [ids[10], ids[9]]
    assert nodes[0].sent == [10, 11, 12]
