"""The noise floor: how alike two clips are that have nothing to do with each other, measured when a catalogue is built.

Most pairs that are drawn at random are unrelated, and of a catalogue with large families of sounds not all. The floor
is therefore taken from the lower half of their cosines, which relations do not reach: the median, and 1.5 times its
distance to the 16th percentile above it. On subsets of ESC-10 (benchmarks/words.py, `floor`) of 2, 4, 8 and 24 clips of
each class it keeps .96, .96, .99 and 1.0 of the clips of the query's class that stand among the ten nearest, and leaves
out .74, .46, .14 and .01 of the others; with twice the distance .93, .88, .95 and .99 are kept.
"""

from __future__ import annotations

import numpy as np

from recommender.catalogue.base import Items, Vectors

EXTRA = "noise_floor"
"""Where the manifest's extra keeps it."""
FEWEST_CLIPS = 50
"""Fewer have too few pairs for a measure, and fit on a screen or two anyway."""
PAIRS = 20_000
SPREADS = 1.5
ONE_SPREAD_BELOW = 0.16
"""Of a normal distribution: what lies below one standard deviation under the middle."""
SEED = 6


def noise_floor(vectors: Vectors, searchable: Items) -> float | None:
    """Return the cosine under which a result is noise, of unit vectors (n, d), None where too few clips are searchable;
    the same for the same catalogue."""
    if len(searchable) < FEWEST_CLIPS:
        return None
    random = np.random.default_rng(SEED)
    one = random.integers(0, len(searchable), PAIRS)
    # Another clip than the first.
    other = (one + random.integers(1, len(searchable), PAIRS)) % len(searchable)
    cosines = np.einsum("ij,ij->i", vectors[searchable[one]], vectors[searchable[other]])
    low, middle = np.quantile(cosines, (ONE_SPREAD_BELOW, 0.5))
    return round(float(middle + SPREADS * (middle - low)), 4)
