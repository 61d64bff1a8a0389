"""Sounds like: the labels that the nearest clips of a query agree on, against how common each label is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import log

from recommender.catalogue.base import Catalogue
from recommender.search.search import Match

VOTERS = 50
SMALLEST_SHARE = 0.1
"""A label that fewer of the neighbours have is chance."""
SMALLEST_LIFT = 1.5
"""How many times more often than in the whole catalogue a label must be among the neighbours."""
MOST_LABELS = 5


def sounds_like(catalogue: Catalogue, matches: Sequence[Match]) -> tuple[tuple[str, float], ...]:
    """Return the most telling labels with the share of the neighbours that have them, by similarity; largest first.

    Telling is share * log(share / share in the catalogue): what a label adds to the Kullback-Leibler divergence.
    """
    voters = [match for match in matches[:VOTERS] if match.similarity > 0]
    total = sum(match.similarity for match in voters)
    if not total:
        return ()
    weights: dict[str, float] = defaultdict(float)
    counts = catalogue.label_counts()
    rows = catalogue.clips([match.item for match in voters])
    sounds = catalogue.sounds
    for row, match in zip(rows, voters, strict=True):
        for label in row.labels:
            # Where the embedder names sounds, a folder's or an artist's name says nothing of the sound.
            if not sounds or label in sounds:
                weights[label] += match.similarity
    telling = []
    for name, weight in weights.items():
        share = weight / total
        common = counts.get(name, 1) / len(catalogue)
        if share >= SMALLEST_SHARE and share >= SMALLEST_LIFT * common:
            telling.append((-share * log(share / common), name, share))
    best = sorted(telling)[:MOST_LABELS]
    return tuple((name, min(1.0, share)) for _, name, share in sorted(best, key=lambda vote: -vote[2]))
