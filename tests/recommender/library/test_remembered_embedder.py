"""The embedder and the weights of a library are remembered in its catalogue."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from recommender.catalogue import read_facts
from recommender.catalogue.local.builder import NO_WORDS
from recommender.catalogue.local.manifest import Manifest
from recommender.catalogue.vocabulary import WordsBuilder
from recommender.commands.build.library import add_embedder_options, embedder_pool_of, selection_of
from recommender.embedders.spec import EmbedderSpec
from recommender.library import writing
from recommender.library.building import build
from recommender.library.scanning import Selection
from recommender.library.writing import IndexOptions
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support.spectral import SpectralPool


class Pool(SpectralPool):
    """As if it had been made with `--weights`."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self._weights = weights


def options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_embedder_options(parser)
    return parser.parse_args(given)


@pytest.fixture
def standing(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The catalogue of a library that was embedded by MusiCNN's stand-in, with weights from a folder."""
    monkeypatch.delenv("WEIGHTS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    build(music, tmp_path / "out", Pool(tmp_path / "weights"), selection=Selection(exclude=("x",)), progress=False)
    manifest = Manifest.standing(tmp_path / "out")
    assert manifest is not None
    return manifest


def test_the_next_build_and_watch_take_them(standing: Manifest, tmp_path: Path) -> None:
    pool = embedder_pool_of(options(), standing)
    assert (pool.space, pool.weights) == ("musicnn-msd", str(tmp_path / "weights"))
    assert selection_of(options(), standing) == Selection(exclude=("x",))
    assert selection_of(options("--exclude", ""), standing) == Selection()
    assert embedder_pool_of(options("--weights", str(tmp_path)), standing).weights == str(tmp_path)
    other = embedder_pool_of(options("--embedder", "yamnet"), standing)
    assert (other.space, other.weights) == ("yamnet-fp32", None)
    assert embedder_pool_of(options(), None).space == "yamnet-fp32"
    (tmp_path / "weights").rmdir()
    assert embedder_pool_of(options(), standing).weights is None


def test_a_question_takes_them(standing: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(
        "recommender.uploads.upload_embedder._make_embedder", lambda settings, space: asked.append(settings.weights)
    )
    for settings in (Settings(catalogue=tmp_path / "out", _env_file=None), Settings(weights=tmp_path, _env_file=None)):
        recommender = Recommender.open(settings.model_copy(update={"catalogue": str(tmp_path / "out")}))
        recommender._embedder._loaded("musicnn-msd")
        recommender.close()
    assert asked == [tmp_path / "weights", tmp_path]
    assert read_facts(tmp_path / "out").weights == tmp_path / "weights"


def test_other_weights_are_another_catalogue(standing: Manifest, music: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    report = build(
        music, tmp_path / "out", Pool(tmp_path / "other"), selection=Selection(exclude=("x",)), progress=False
    )
    assert report.written and read_facts(tmp_path / "out").weights == tmp_path / "other"


def test_classifier_and_projection_are_read_from_them(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(EmbedderSpec, "projection", lambda spec, weights: asked.append(weights))

    def words_of(space: str, weights: Path | None, standing: Path) -> WordsBuilder:
        asked.append(weights)
        return NO_WORDS

    monkeypatch.setattr(writing, "words_of", words_of)
    build(music, tmp_path / "out", Pool(tmp_path), index=IndexOptions(words=True), progress=False)
    assert asked == [tmp_path, tmp_path]
