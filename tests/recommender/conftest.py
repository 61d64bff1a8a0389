"""What several rooms' tests share: a small catalogue, and the networks.

Tests that import TensorFlow share one test process: it takes seconds and 300 MB to import."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recommender.embedders.musicnn import MusiCNN
from tests.support.catalogues import clustered, write
from tests.support.checkpoints import write_vggish

_WITHOUT_TENSORFLOW = {"test_framing", "test_mel", "test_client", "test_batching"}


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in a hook of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rooms = [Path(__file__).with_name(name) for name in ("embedders", "service")]
    for item in items:
        if not {*rooms}.isdisjoint(item.path.parents) and item.path.stem not in _WITHOUT_TENSORFLOW:
            item.add_marker(pytest.mark.xdist_group("tensorflow"))


@pytest.fixture(scope="session")
def musicnn() -> MusiCNN:
    """MusiCNN, loaded once."""
    return MusiCNN()


@pytest.fixture(scope="session")
def vggish_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of random weights for VGGish."""
    return write_vggish(tmp_path_factory.mktemp("vggish"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of 600 clips in eight clusters, read only."""
    folder = tmp_path_factory.mktemp("small") / "catalogue"
    write(folder, clustered(600), extra={"links": "youtube"})
    return folder


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    """A copy of it to harm."""
    folder = tmp_path / "copy"
    shutil.copytree(small, folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder
