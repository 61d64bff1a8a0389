"""Results that are no nearer than chance are left out, and the answer says how many are alike."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bot.messages.answers import answer as shown
from bot.questions import Question
from recommender.catalogue.noise import FEWEST_CLIPS, noise_floor
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support.catalogues import clips, clustered, write

CLUSTERS, PER_CLUSTER = 14, 4


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    """Fourteen sounds, of each four recordings: clip i is of sound i % 14."""
    out = tmp_path_factory.mktemp("noise") / "c"
    count = CLUSTERS * PER_CLUSTER
    write(out, clustered(count, clusters=CLUSTERS), clips(count), extra={"links": "youtube"})
    opened = Recommender.open(Settings(catalogue=out))
    yield opened
    opened.close()


def test_only_what_is_alike_is_shown_and_the_answer_says_so(recommender):
    answer = recommender.similar("#5", top=40)
    assert len(answer.results) == answer.alike and not answer.more
    found = [result.clip.item % CLUSTERS == 5 for result in answer.results]
    assert sum(found) == PER_CLUSTER - 1 and all(found[: PER_CLUSTER - 1])
    assert all(result.similarity >= recommender.catalogue.facts.noise_floor for result in answer.results)
    assert answer.from_json(json.loads(json.dumps(answer.to_json()))).alike == answer.alike
    said = json.dumps(shown(answer, Question(query="#5")).blocks)
    assert f"Only {answer.alike} clips are alike" in said


def test_enough_that_is_alike_is_an_answer_as_ever(recommender):
    answer = recommender.similar("#5", top=3)
    assert len(answer.results) == 3 and answer.alike is None and answer.more


def test_a_page_behind_the_last_that_is_alike_is_the_end(recommender):
    answer = recommender.similar("#5", skip=30)
    assert (answer.results, answer.more) == ((), False)
    assert "end of the list" in shown(answer, Question(query="#5", skip=30)).text


def test_nothing_alike_says_what_to_do(recommender, monkeypatch):
    facts = replace(recommender.catalogue.facts, extra={"noise_floor": 0.999})
    monkeypatch.setattr(recommender.catalogue, "facts", facts)
    answer = recommender.similar("#5")
    assert (answer.results, answer.alike, answer.sounds_like) == ((), 0, ())
    assert "say in words what you look for" in shown(answer, Question(query="#5")).text
    filtered = recommender.similar("#5", only=["Dog"])
    assert "leave one out" in shown(filtered, Question(query="#5", only=("Dog",))).text


def test_less_of_something_has_no_floor(recommender):
    assert len(recommender.similar("#5 - #6", top=50).results) == 50
    assert recommender.similar("#5 + #6", top=50).alike is not None


@pytest.mark.parametrize("extra", [{}, {"noise_floor": None}, {"noise_floor": "0.5"}])
def test_a_catalogue_that_was_built_without_has_no_floor(recommender, monkeypatch, extra):
    monkeypatch.setattr(recommender.catalogue, "facts", replace(recommender.catalogue.facts, extra=extra))
    answer = recommender.similar("#5", top=50)
    assert len(answer.results) == 50 and answer.alike is None


def test_the_notebooks_vectors_have_none(tmp_path):
    features = np.random.default_rng(2).integers(0, 255, (FEWEST_CLIPS, 1280)).astype(np.float32)
    assert write(tmp_path / "c", features, kind="raw-frames").noise_floor is None
    assert write(tmp_path / "d", features).noise_floor is not None


def test_the_floor_lies_above_what_is_unrelated():
    vectors = clustered(2000, clusters=2000)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    everything = np.arange(2000)
    floor = noise_floor(vectors, everything)
    assert floor == noise_floor(vectors, everything)
    cosines = (vectors @ vectors.T)[np.triu_indices(2000, 1)]
    assert (cosines < floor).mean() == pytest.approx(0.93, abs=0.02)
    assert noise_floor(vectors, everything[: FEWEST_CLIPS - 1]) is None
