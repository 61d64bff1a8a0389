"""Which clips without labels are shown for words: those among labelled ones that have what was meant."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from recommender.answers import Understood
from recommender.clips import Clip
from recommender.search.search import Match
from recommender.search.words.ranking import _likely

RAIN, DOG, BARE = ("Rain",), ("Dog",), ()


def likely(labels, together=()):
    clips = [Clip(n, f"c{n}_0", f"c{n}", 0, 10, each, f"c{n}", None) for n, each in enumerate(labels)]
    understood = Understood("rain", (("Rain", 0.7), ("Raindrop", 0.3)), together)
    found = [Match(clip.item, 1 - clip.item / 100, 0) for clip in clips]
    return _likely(Mock(clips=lambda items: [clips[item] for item in items]), understood, found)


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([RAIN, RAIN, BARE, RAIN, RAIN, DOG, RAIN], {2}),
        ([DOG, DOG, BARE, RAIN, DOG, DOG, RAIN], set()),
        ([RAIN] * 20 + [DOG] * 8 + [BARE] + [DOG] * 12, set()),
        ([RAIN] * 20 + [BARE] + [DOG] * 4, {20}),
        # Where hardly anything has labels they say nothing of those without.
        ([DOG, BARE, DOG, BARE], {1, 3}),
        ([], set()),
    ],
)
def test_a_clip_without_labels_is_shown_among_those_that_have_what_was_meant(labels, shown):
    assert likely(labels) == shown


def test_what_is_required_together_must_agree_together():
    labels = [("Rain", "Wind"), RAIN, RAIN, BARE, RAIN, RAIN]
    assert likely(labels) == {3} and likely(labels, ("Rain", "Wind")) == set()
