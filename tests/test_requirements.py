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


PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
ROLES = ["requirements-bot.txt", "requirements-embedder.txt"]
MODELS = {"tensorflow", "tensorflow-cpu", "keras", "h5py", "onnxruntime", "tokenizers", "flask", "flask-restx"}


@pytest.mark.parametrize("other", [*ROLES, "requirements-dev.txt", "requirements-bench.txt"])
@pytest.mark.parametrize("python", PYTHONS)
def test_files_that_are_installed_together_pin_the_same_versions(python: str, other: str) -> None:
    ours, theirs = pins("requirements.txt", python), pins(other, python)
    shared = ours.keys() & theirs.keys()
    assert len(shared) > 1
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_whole_is_what_the_roles_need_together(python: str) -> None:
    roles = [pins(name, python) for name in ROLES]
    assert pins("requirements.txt", python) == {name: version for role in roles for name, version in role.items()}


@pytest.mark.parametrize("python", PYTHONS)
def test_bot_and_worker_need_no_model(python: str) -> None:
    assert not MODELS & pins("requirements-bot.txt", python).keys()
    assert "slack-bolt" not in pins("requirements-embedder.txt", python)


@pytest.mark.parametrize("python", PYTHONS)
def test_clients_of_databases_are_installed_beside_everything(python: str) -> None:
    files = ("postgres", "milvus", "workspaces")
    clients = {name: pin for file in files for name, pin in pins(f"requirements-{file}.txt", python).items()}
    assert {"psycopg", "pymilvus", "sqlalchemy"} <= clients.keys()
    beside = pins("requirements.txt", python) | pins("requirements-dev.txt", python)
    assert {name: beside[name] for name in clients} == clients


def test_weights_are_named_by_their_hashes() -> None:
    lines = [line for line in (ROOT / "requirements-models.txt").read_text().splitlines() if line[:1] not in ("", "#")]
    assert lines
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
