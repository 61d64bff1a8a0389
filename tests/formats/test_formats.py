"""What earlier versions wrote is read, or refused with the command that builds it again.

0.1.tar.xz holds what version 0.1 (revision 8d27d14) wrote: a catalogue of video clips in VGGish's space, one of the
quantised YAMNet, the catalogue of a library of three of `melody`'s sounds in MusiCNN's, with what it remembers, and
answers of its own.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from recommender.audio.wav import wav_bytes
from recommender.catalogue import open_catalogue, read_facts
from recommender.errors import CatalogueError
from recommender.library.building import build
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support.audio import melody, pcm16
from tests.support.spectral import SpectralPool


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(Path(__file__).with_name("0.1.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize("name", ["audioset", "library"])
def test_a_catalogue_of_0_1_is_whole_and_answers_as_it_did(old: Path, name: str):
    answer: dict[str, Any] = json.loads((old / f"{name}.answer.json").read_text())
    recommender = Recommender.open(Settings(catalogue=str(old / name)))
    recommender.catalogue.verify()
    found = recommender.similar(answer["query"])
    assert [(each.rank, each.clip.clip_id, each.clip.labels) for each in found.results] == [
        (each["rank"], each["clip_id"], tuple(each["labels"])) for each in answer["results"]
    ]
    assert [each.similarity for each in found.results] == pytest.approx(
        [each["similarity"] for each in answer["results"]], abs=1e-3
    )
    recommender.close()


def test_a_catalogue_of_the_quantised_yamnet_is_refused_with_the_command(old: Path):
    with pytest.raises(CatalogueError, match="recommender build"):
        open_catalogue(str(old / "quantised"))


def test_a_library_of_0_1_is_taken_over_by_the_next_build(old: Path):
    folder = old / "music/loops"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"tune {number}.wav").write_bytes(wav_bytes(pcm16(melody(3.2, seed=number))))
    before = read_facts(str(old / "library"))
    build(folder.parent, old / "library", SpectralPool(), progress=False)
    after = read_facts(str(old / "library"))
    assert after.clips == before.clips == 3
    assert after.built != before.built
    recommender = Recommender.open(Settings(catalogue=str(old / "library")))
    assert len(recommender.similar("loops/tune 1.wav").results) == 2
    recommender.close()
