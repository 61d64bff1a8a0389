from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.embedders import musicnn, vggish, yamnet
from recommender.embedders.framing import Framing, pieces

MUSICNN, VGGISH, YAMNET = musicnn.SPEC.framing, vggish.SPEC.framing, yamnet.SPEC.framing


@pytest.mark.parametrize("framing", [MUSICNN, VGGISH, YAMNET])
def test_rows_begin_with_a_whole_window(framing: Framing):
    window, hop = framing.window, framing.hop
    assert [framing.rows(n) for n in (0, window - 1, window, window + hop - 1, window + hop)] == [0, 0, 1, 1, 2]


def test_vggish_rows_are_those_of_its_frames():
    for samples in (15_599, 15_600, 30_959, 30_960, 160_000):
        frames = 1 + (samples - 400) // 160
        assert VGGISH.rows(samples) == frames // 96


def test_musicnn_rows_are_those_of_centred_frames():
    for samples in (47_615, 47_616, 48_000, 95_487, 95_488, 480_000):
        assert MUSICNN.rows(samples) == (1 + samples // 256) // 187


def test_short_audio_is_repeated():
    pcm = np.arange(2000, dtype=np.int16)
    filled = MUSICNN.filled(pcm)
    assert len(filled) == 48_000 and MUSICNN.rows(48_000) == 1
    np.testing.assert_array_equal(filled[2000:4000], pcm)
    assert MUSICNN.filled(filled) is filled


@given(st.sampled_from([MUSICNN, VGGISH, YAMNET]), st.integers(1, 500_000))
def test_padded_audio_has_rows_to_its_end(framing: Framing, samples: int):
    padded = framing.padded(np.ones(samples, np.int16))
    rows = framing.rows(len(padded))
    assert padded.sum() == samples and len(padded) == (rows - 1) * framing.hop + framing.window
    assert rows == 1 or framing.rows(len(padded) - 1) * framing.hop + framing.window - framing.hop < samples


@given(st.sampled_from([MUSICNN, VGGISH, YAMNET]), st.integers(0, 3_000_000), st.floats(0.5, 100))
def test_pieces_give_the_rows_of_the_whole(framing: Framing, samples: int, seconds: float):
    cut = pieces(framing, samples, seconds)
    assert sum(piece.rows - piece.lead for piece in cut) == framing.rows(samples)
    row = 0
    for piece in cut:
        assert framing.rows(piece.stop - piece.start) == piece.rows
        assert piece.start == (row - piece.lead) * framing.hop
        assert 0 <= piece.start <= piece.stop <= samples
        assert piece.stop - piece.start <= max(seconds + 2 * framing.seconds, 2 * framing.seconds + 1) * 16_000
        assert piece.lead == (1 if row and framing.before else 0)
        row += piece.rows - piece.lead
