"""Tests that import TensorFlow share one test process: it takes seconds and 300 MB to import."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.embedders.musicnn import MusiCNN
from tests.support.checkpoints import write_vggish

_WITHOUT_TENSORFLOW = {"test_framing", "test_mel", "test_client", "test_batching"}


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in a hook of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rooms = [Path(__file__).with_name(name) for name in ("embedders", "service")]
    for item in items:
        if item.path.parent in rooms and item.path.stem not in _WITHOUT_TENSORFLOW:
            item.add_marker(pytest.mark.xdist_group("tensorflow"))


@pytest.fixture(scope="session")
def musicnn() -> MusiCNN:
    """MusiCNN, loaded once."""
    return MusiCNN()


@pytest.fixture(scope="session")
def vggish_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of random weights for VGGish."""
    return write_vggish(tmp_path_factory.mktemp("vggish"))
