"""Calibration: what was measured is what is asked with."""

from __future__ import annotations

from recommender.catalogue.base import Calibration
from recommender.catalogue.recall import search_k_for


def test_the_setting_grows_with_the_number_of_results():
    measured = (Calibration(10, 500, 0.99, 100), Calibration(100, 2000, 0.99, 100))
    assert [search_k_for(measured, count) for count in (1, 10, 11, 100, 101, 1000)] == [
        500,
        500,
        2000,
        2000,
        4000,
        20000,
    ]
