"""What several rooms' tests share: a small catalogue, and the networks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recommender.embedders.musicnn import MusiCNN
from tests.support.catalogues import clustered, write
from tests.support.checkpoints import write_vggish


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
    """A catalogue of 600 clips in eight clusters without a noise floor, read only."""
    folder = tmp_path_factory.mktemp("small") / "catalogue"
    write(folder, clustered(600), extra={"links": "youtube", "noise_floor": None})
    return folder


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    """A copy of it to harm."""
    folder = tmp_path / "copy"
    shutil.copytree(small, folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder
