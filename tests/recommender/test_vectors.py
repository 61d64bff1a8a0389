"""Clip vectors out of frame vectors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.vectors import Recipe, dequantise, pool, quantise, raw_frames, unit, unit_rows, window_means, windows


def test_bytes_survive_both_ways():
    levels = np.arange(256, dtype=np.uint8)
    values = dequantise(levels)
    assert values.dtype == np.float32
    assert values[0] == -2 and values[255] == 2
    assert (quantise(values) == levels).all()


def test_values_beyond_the_range_are_clipped():
    assert quantise(np.array([-9.0, 9.0])).tolist() == [0, 255]


@pytest.mark.parametrize("vector", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], [1e-9, 0.0]])
def test_a_vector_without_direction_has_no_unit(vector):
    assert unit(np.array(vector)) is None
    assert not unit_rows(np.array([vector])).any()


def test_unit_length():
    scaled = unit(np.array([3.0, 4.0]))
    assert scaled is not None and scaled.tolist() == pytest.approx([0.6, 0.8])
    assert np.linalg.norm(unit_rows(np.array([[3.0, 4.0], [0, 0]])), axis=1).tolist() == pytest.approx([1, 0])


def test_windows_of_25_seconds_keep_the_long_rest_apart():
    cuts = windows(26, 0.96, 25.0)
    assert [(cut.start, cut.end) for cut in cuts] == [(0, 10), (10, 20), (20, 25)]
    # Row 10 has its centre at 10.08 s, row 20 at 19.68 s.
    assert [(cut.first, cut.last) for cut in cuts] == [(0, 10), (10, 21), (21, 26)]


def test_a_short_rest_joins_the_window_before():
    assert [(cut.start, cut.end) for cut in windows(5, 3.0, 14.0)] == [(0, 14)]


def test_a_short_recording_is_one_window():
    assert [(cut.start, cut.end, cut.last) for cut in windows(1, 0.96, 0.5)] == [(0, 0.5, 1)]


@given(st.integers(0, 400), st.sampled_from([0.96, 3.0]), st.floats(0.1, 1000))
def test_every_row_is_in_one_window_at_most(rows, hop, seconds):
    cuts = windows(rows, hop, seconds)
    assert all(cut.first < cut.last for cut in cuts)
    assert [row for cut in cuts for row in range(cut.first, cut.last)] == list(range(rows))
    assert all(a.end == b.start or a.end < b.start for a, b in itertools.pairwise(cuts))


def test_clip_vectors_are_centred_means_of_unit_length():
    frames = np.array([[1, 0], [3, 0], [0, 5]], np.float32)
    cuts = windows(3, 6.0, 18.0)
    assert window_means(frames, cuts).tolist() == [[2, 0], [0, 5]]
    rows = Recipe("mean", np.array([2.0, 0.0])).clip_vectors(frames, cuts)
    assert rows[0].tolist() == [0, 0]
    assert rows[1].tolist() == pytest.approx([-2 / np.hypot(2, 5), 5 / np.hypot(2, 5)])


def test_raw_frames_are_the_bytes_of_ten_frames():
    frames = dequantise(np.arange(12 * 128).reshape(12, 128) % 256)
    assert (raw_frames(frames) == (np.arange(1280) % 256)).all()


def test_raw_frames_of_a_short_clip_begin_again():
    frames = dequantise(np.repeat(np.arange(3, dtype=np.uint8), 128).reshape(3, 128))
    assert raw_frames(frames).reshape(10, 128)[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def test_logarithmic_poolings_are_of_one_plus_the_maximum_or_the_mean() -> None:
    rows = np.array([[0.0, 2.0], [1.0, 0.5]], np.float32)
    assert pool(rows, "log-max") == pytest.approx(np.log([2.0, 3.0]))
    assert pool(rows, "log-max-mean") == pytest.approx(np.log([2.0 * 1.5, 3.0 * 2.25]))
