"""A way through sounds: both ends, each clip once, small steps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import BadQuery
from recommender.recommender import Recommender
from recommender.settings import Settings
from tests.support.catalogues import clips, clustered, write


@pytest.fixture(scope="module")
def recommender(tmp_path_factory):
    """600 clips in clusters, three of each source; every other one is Even; the fifth is silent."""
    folder = tmp_path_factory.mktemp("way") / "c"
    new = [
        clip._replace(labels=("Even",) if n % 2 == 0 else ("Odd",)) for n, clip in enumerate(clips(600, per_source=3))
    ]
    vectors = clustered(600)
    vectors[5] = np.nan
    write(folder, vectors, new)
    opened = Recommender.open(Settings(catalogue=str(folder), _env_file=None))
    yield opened
    opened.close()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 599), st.integers(0, 599), st.integers(3, 20))
def test_a_way_leads_from_one_clip_to_the_other(recommender, first, last, top):
    if first == last or 5 in (first, last):
        return
    answer = recommender.similar(f"#{first} to #{last}", top=top)
    items = [result.clip.item for result in answer.results]
    assert (items[0], items[-1]) == (first, last)
    assert len(items) <= top
    assert 5 not in items
    between = [result.clip.source for result in answer.results[1:-1]]
    ends = {answer.results[0].clip.source, answer.results[-1].clip.source}
    assert len(set(between)) == len(between) and ends.isdisjoint(between)
    vectors = recommender.catalogue.vectors_of(items).astype(np.float64)
    steps = [1.0, *(vectors[:-1] * vectors[1:]).sum(axis=1)]
    assert [result.similarity for result in answer.results] == pytest.approx(steps, abs=1e-6)
    if len(items) > 3:
        assert min(steps) > vectors[0] @ vectors[-1]
    assert json.loads(json.dumps(answer.to_json()))["ranked_by"] == "way"
    again = recommender.similar(answer.query, top=top)
    assert again == answer


def test_filters_hold_between_the_ends(recommender):
    answer = recommender.similar("#1 to #301", only=["Even"])
    assert {label for result in answer.results[1:-1] for label in result.clip.labels} == {"Even"}
    assert len(answer.results) > 3


def test_a_combination_is_an_end_without_a_clip(recommender):
    answer = recommender.similar("#0 + #300 to #450", top=6)
    assert [clip.item for clip in answer.seeds] == [450]
    assert answer.results[-1].clip.item == 450
    assert len(answer.results) <= 6
    assert answer.results[0].similarity < 1


@pytest.mark.parametrize(("query", "top"), [("#1 to #1", 10), ("#1 to #2", 2), ("#1 to #2", 101), ("#1 to #5", 10)])
def test_what_leads_nowhere_is_refused(recommender, query, top):
    with pytest.raises(Exception, match=r"ends|A way has|silent"):
        recommender.similar(query, top=top)


def test_clips_that_are_the_same_have_no_way_between_them(tmp_path):
    write(tmp_path / "c", np.repeat(clustered(3), 2, axis=0))
    opened = Recommender.open(Settings(catalogue=str(tmp_path / "c"), _env_file=None))
    assert [result.clip.item for result in opened.similar("#0 to #1").results] == [0, 1]
    opened.close()


def test_a_way_of_nothing_is_a_sentence(recommender):
    with pytest.raises(BadQuery, match="A clip is missing"):
        recommender.similar('"" to #5')


@pytest.mark.parametrize("query", ["#0", "#0 - #300", "#0 to #300"])
def test_what_is_left_out_is_in_no_answer_and_the_next_moves_up(recommender, query):
    before = [result.clip.source for result in recommender.similar(query).results]
    unwanted = [before[2], before[4]]
    after = [result.clip.source for result in recommender.similar(query, left_out=[*unwanted, "gone"]).results]
    assert len(after) == 10 and not set(unwanted) & set(after)
    if " to " not in query:
        assert after[:8] == [source for source in before if source not in unwanted]
