"""What a query sounds like, and what is counted where a catalogue is measured."""

from __future__ import annotations

import json
from contextlib import closing

import numpy as np

from recommender.answers import Answer
from recommender.catalogue.local.builder import ClipBatch, NewClip, write_catalogue
from recommender.catalogue.local.catalogue import LocalCatalogue
from recommender.catalogue.vocabulary import WordsBuilder
from recommender.embedders.labels import LabelHead
from recommender.recommender import Recommender
from recommender.search.evaluation import evaluate
from recommender.search.label_votes import sounds_like
from recommender.search.search import search
from recommender.settings import Settings
from tests.support.catalogues import SPACE


def library(folder, *, folders: bool) -> LocalCatalogue:
    """Two kinds of sound, which the embedder tells apart, each in the folder of the other's name by half."""
    generator = np.random.default_rng(1)
    vectors = generator.normal(0, 0.3, (120, 16)).astype(np.float32)
    clips = []
    for item in range(120):
        vectors[item, item % 2] += 3
        labels = (("Dog", "Rain")[item % 2], *((("My dogs", "My rain")[item // 2 % 2],) if folders else ()))
        clips.append(NewClip(f"f{item:010}_0", f"x/{item}.wav", 0, 10, labels, str(item)))
    head = LabelHead(("Dog", "Rain", "Speech"), np.eye(3, 16, dtype=np.float32), np.zeros(3, np.float32))
    write_catalogue(
        folder, space=SPACE, vectors_kind="mean", batches=[ClipBatch(clips, vectors)], trees=5, progress=False,
        words=WordsBuilder(classifier=head),
    )  # fmt: skip
    return LocalCatalogue.open(folder)


def test_it_sounds_like_sounds_and_not_like_folders(tmp_path):
    catalogue = library(tmp_path / "c", folders=True)
    votes = sounds_like(catalogue, search(catalogue, catalogue.vectors_of([0]), 50, sure=50))
    assert [label for label, _ in votes] == ["Dog"]
    catalogue.close()


def test_an_answer_tells_labels_by_sound_from_those_of_people(tmp_path):
    library(tmp_path / "c", folders=True).close()
    with closing(Recommender.open(Settings(catalogue=str(tmp_path / "c"), _env_file=None))) as recommender:
        answer = recommender.similar("#0")
    assert answer.by_sound == ("Dog",) and "My dogs" in answer.seeds[0].labels
    assert Answer.from_json(json.loads(json.dumps(answer.to_json()))).by_sound == ("Dog",)


def test_people_s_labels_are_counted_where_there_are_any(tmp_path):
    for folders, whose in ((True, "people's"), (False, "sounds")):
        catalogue = library(tmp_path / whose[:3], folders=folders)
        measured = evaluate(catalogue, progress=False)
        assert measured.labels_counted == whose
        # Sounds lie in one folder as often as in the other.
        assert measured.precision_at_10 < 0.7 if folders else measured.precision_at_10 > 0.9
        catalogue.close()


def test_words_know_what_the_classifier_says_behind_a_projection_of_unequal_lengths(tmp_path):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(3, 16)).astype(np.float32)
    projection = rng.normal(size=(16, 12)) * np.geomspace(1, 100, 12)
    vectors = rng.normal(size=(4, 16)).astype(np.float32) @ (projection @ np.linalg.pinv(projection)).astype(np.float32)
    head = LabelHead(("Dog", "Rain", "Speech"), weights, np.zeros(3, np.float32))
    clips = [NewClip(f"f{item:010}_0", f"x/{item}.wav", 0, 10, (), str(item)) for item in range(4)]
    write_catalogue(
        tmp_path / "c", space=SPACE, vectors_kind="mean", batches=[ClipBatch(clips, vectors)], trees=5, progress=False,
        words=WordsBuilder(classifier=head), projection=projection,
    )  # fmt: skip
    catalogue = LocalCatalogue.open(tmp_path / "c")
    assert catalogue.vocabulary is not None
    centred = weights - weights.mean(axis=0)
    towards = np.linalg.norm(centred @ np.linalg.pinv(projection).T, axis=1)
    scores = (catalogue.vocabulary.head * towards[:, None]) @ (vectors @ projection).T
    np.testing.assert_allclose(scores, centred @ vectors.T, rtol=1e-4, atol=1e-4)
    catalogue.close()
