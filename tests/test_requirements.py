"""The pinned requirements can be installed together on each supported Python."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def pins(name: str, python: str) -> dict[str, str]:
    """Return the version of each package that one file pins for a Python on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    requirements = [Requirement(line) for line in (ROOT / name).read_text().splitlines() if line]
    return {
        each.name: str(each.specifier) for each in requirements if not each.marker or each.marker.evaluate(environment)
    }


@pytest.mark.parametrize("other", ["requirements-dev.txt", "requirements-bench.txt"])
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_files_that_are_installed_together_pin_the_same_versions(python: str, other: str) -> None:
    ours, theirs = pins("requirements.txt", python), pins(other, python)
    shared = ours.keys() & theirs.keys()
    assert len(shared) > 1
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}
