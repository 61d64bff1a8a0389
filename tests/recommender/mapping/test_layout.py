"""Clips that are alike stand side by side."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.mapping.clusters import clusters
from recommender.mapping.layout import layout, nearest_rows
from recommender.vectors import unit_rows
from tests.support.catalogues import clustered

GROUPS = 8


def test_the_nearest_of_a_clip_are_of_its_own_kind():
    points = layout(unit_rows(clustered(400, clusters=GROUPS)))
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    near = np.argsort(apart, axis=1)[:, 1:6]
    same = near % GROUPS == np.arange(400)[:, None] % GROUPS
    assert same.mean() > 0.98


def test_nearest_rows_are_the_nearest():
    vectors = unit_rows(clustered(50))
    alike = vectors @ vectors.T - 2 * np.eye(50)
    wanted = [set(np.argsort(-row)[:5]) for row in alike]
    assert [set(row) for row in nearest_rows(vectors, 5)] == wanted


def test_the_same_vectors_stand_where_they_stood():
    vectors = unit_rows(clustered(60))
    assert np.array_equal(layout(vectors), layout(vectors))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 12])
@pytest.mark.parametrize("alike", [False, True])
def test_few_clips_and_clips_that_are_all_the_same(count, alike):
    vectors = unit_rows(np.repeat(clustered(1), count, axis=0) if alike else clustered(count))
    points = layout(vectors)
    assert points.shape == (count, 2) and np.isfinite(points).all()
    regions = clusters(points, [("Rain",)] * count)
    assert sorted(row for region in regions for row in region.rows) == list(range(count))


def test_regions_are_named_by_what_tells_them_from_the_rest():
    kinds = ["Dog", "Rain", "Siren", "Bell", "Horn", "Drum", "Harp", "Saw"]
    labels = [("Sound", kinds[row % GROUPS]) for row in range(400)]
    regions = clusters(layout(unit_rows(clustered(400, clusters=GROUPS))), labels, most=GROUPS)
    assert sorted(region.label for region in regions) == sorted(kinds)
    rightly = sum(kinds[row % GROUPS] == region.label for region in regions for row in region.rows)
    assert rightly > 0.95 * 400


def test_regions_of_clips_without_labels_have_no_name():
    assert {region.label for region in clusters(layout(unit_rows(clustered(40))), [()] * 40)} == {""}
