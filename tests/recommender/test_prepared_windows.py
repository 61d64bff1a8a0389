"""Windows as they are embedded: to the end of a sound, or as catalogues of an earlier preparation were."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.audio import SAMPLE_RATE
from recommender.audio.preparation import EVEN, TO_LAST_ROW
from recommender.embedders.local import LocalEmbedder
from recommender.prepared_windows import embed_windows, windows_of
from tests.support.audio import melody, pcm16
from tests.support.spectral import SpectralNetwork


@pytest.mark.parametrize(("seconds", "to_last_row", "to_end"), [(2.0, 1, 1), (5.5, 1, 2), (10.0, 3, 4)])
def test_rows_reach_to_the_end_of_a_sound(seconds: float, to_last_row: int, to_end: int):
    embedder = LocalEmbedder(SpectralNetwork())
    rows = {}
    for preparation in (TO_LAST_ROW, EVEN):
        cut = windows_of([pcm16(melody(seconds))], SAMPLE_RATE)
        (window,) = embed_windows(cut, embedder, tags=True, preparation=preparation)
        rows[preparation] = window.frames
    before, now = rows[TO_LAST_ROW].vectors, rows[EVEN].vectors
    assert (len(before), len(now)) == (to_last_row, to_end) == (to_last_row, len(rows[EVEN].tags))
    if seconds > 3:
        np.testing.assert_array_equal(now[: len(before)], before)
