"""Every module can be imported on this Python, without a warning of its own."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import textwrap
import warnings
from importlib.util import find_spec

import pytest

from tests.conftest import REPOSITORY

PACKAGES = [name for name in ("bot", "recommender", "launcher", "sandbox") if (REPOSITORY / name).is_dir()]
RUNS_AT_IMPORT = {"bot.wsgi"}
"""Builds its application when gunicorn imports it."""


def modules(package: str) -> list[str]:
    found = find_spec(package)
    assert found is not None
    names = [each.name for each in pkgutil.walk_packages(found.submodule_search_locations, f"{package}.")]
    return [name for name in names if name not in RUNS_AT_IMPORT and not name.endswith("__main__")]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_imported(package: str):
    script = """
        import importlib, sys, warnings
        for name in ("bot", "recommender", "launcher", "sandbox"):
            warnings.filterwarnings("error", module=rf"{name}(\\.|$)")
        for name in sys.argv[1:]:
            importlib.import_module(name)
        assert "tensorflow" not in sys.modules, "only embedders load TensorFlow, and only when they run"
    """
    names = modules(package)
    assert len(names) > 5
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *names],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", [*PACKAGES, "benchmarks", "tests"])
def test_every_module_compiles_without_a_warning(package: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in (REPOSITORY / package).rglob("*.py"):
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


MODELS = "tensorflow keras h5py onnxruntime tokenizers flask flask_restx"
SLACK = "slack_bolt slack_sdk dramatiq"


@pytest.mark.parametrize(
    ("blocked", "used"),
    [
        (f"{MODELS} av PIL requests", "bot.app bot.socket_mode bot.wsgi bot.intake.acceptance bot.operations.check"),
        (f"{MODELS} slack_bolt requests", "bot.worker bot.__main__"),
        (
            MODELS,
            "recommender.cli recommender.commands.build recommender.audio.decoder.child recommender.embedders.yamnet",
        ),
        (SLACK, "recommender.cli recommender.commands.embedder recommender.service.server recommender.embedders.local"),
    ],
    ids=["bot and web", "worker", "building", "embedder"],
)
def test_a_role_needs_only_its_own_requirements(blocked: str, used: str):
    script = """
        import importlib, sys
        blocked, used = (argument.split() for argument in sys.argv[1:])

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in blocked:
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Blocker())
        for name in used:
            importlib.import_module(name)
        if "recommender.cli" in used:
            sys.modules["recommender.cli"].parser()  # imports each command
        if "tensorflow" in blocked:
            from recommender.embedders.networks.network import tensorflow
            try:
                tensorflow()
            except Exception as error:
                assert "EMBEDDER_URL" in str(error), error
            else:
                raise AssertionError("TensorFlow was imported")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), blocked, used],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
