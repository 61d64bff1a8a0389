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
