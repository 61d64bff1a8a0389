"""The picture of an answer, and what it says to who cannot see it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import assume, given, settings
from PIL import Image

from recommender.answers import Answer
from recommender.mapping.picture import ALT_CHARS, WAVE, groups, in_words, picture
from recommender.vectors import unit_rows
from tests.bot.answers import answer, answers, texts
from tests.support.audio import melody, pcm16
from tests.support.catalogues import clustered


def size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.format == "PNG"
        return image.width, image.height


def vectors(found: Answer) -> np.ndarray:
    return unit_rows(clustered(len(found.results)))


@settings(max_examples=20)
@given(answers, texts)
def test_any_answer_can_be_drawn_and_told(found: Answer, name: str) -> None:
    assume(found.results)
    assert size(picture(found, vectors(found), name))[0] == 900
    assert 0 < len(in_words(found, vectors(found), name)) <= ALT_CHARS


@pytest.mark.parametrize("samples", [0, 1, 500, 80_000])
def test_the_waveform_of_the_query_is_above(samples: int) -> None:
    found = answer()
    wave = pcm16(melody(10.0)[:samples])
    (_, high), (_, higher) = (size(picture(found, vectors(found), "beat", each)) for each in (None, wave))
    assert higher == high + WAVE
    assert "waveform" in in_words(found, vectors(found), "beat", wave)


def test_results_are_grouped_by_the_label_that_most_share() -> None:
    found = answer()
    made = {group.label: {result.rank for result in group.results} for group in groups(found, vectors(found))}
    assert made == {"Music": {2, 4, 6, 8, 10}, "Jazz": {1, 3, 5, 7, 9}}
    told = in_words(found, vectors(found), "The query")
    assert told.startswith("Clips like The query: a map with the query in the middle.")
    assert "1. Clip 1, 99% alike; 2. Clip 2, 98% alike" in told
