"""Exact search: the same as sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.catalogue.exact import best_similarities, nearest
from recommender.vectors import unit_rows
from tests.support.catalogues import clustered


@settings(max_examples=30)
@given(st.data())
def test_scanning_agrees_with_sorting(data):
    count, total = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 60))
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    vectors = unit_rows(random.integers(-2, 3, (total, 4)))
    query = unit_rows(np.array([[1.0, 2, 0, -1]]))[0]
    silent = np.flatnonzero(~vectors.any(axis=1))
    among = np.flatnonzero(random.random(total) < 0.7) if data.draw(st.booleans()) else None
    found = nearest(vectors, query, count, among, silent)
    usable = np.setdiff1d(np.arange(total) if among is None else among, silent)
    similarities = vectors[usable].astype(float) @ query.astype(float)
    order = np.lexsort((usable, -np.round(similarities, 9)))[:count]
    assert found.items.tolist() == usable[order].tolist()


def test_many_scans_at_once_agree_with_one_after_another():
    vectors = unit_rows(clustered(500))
    own = np.array([3, 99, 400])
    best = best_similarities(vectors, vectors[own], own, 7)
    for row, item in zip(best, own, strict=True):
        alone = nearest(vectors, vectors[item], 8).without(np.array([item])).first(7)
        assert row.tolist() == pytest.approx(alone.similarities.tolist(), abs=1e-6)
