"""How well the names of sources fit words, out of where each word stands: the same order in every kind of catalogue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

POSTING = np.dtype([("item", "<u4"), ("length", "<u2"), ("title", "u1"), ("words", "u1")])
"""Where a word stands: the item by which a source is found, how many words that has in all, and how often the word is
in its title and among its other words."""
IN_TITLE, ELSEWHERE = 4.0, 1.0
"""What a word counts."""
_K1, _B, _LEAST = 1.2, 0.75, 1e-6
"""As SQLite's FTS5 has them, by which catalogues in a folder are ordered."""

Postings = NDArray[np.void]


def best(asked: Sequence[Sequence[Postings]], sources: int, words: int, limit: int) -> list[int]:
    """Return at most `limit` items that have all words asked for, by BM25, the best first; equal ones by item.

    asked: for each word the postings of all that it may be (of the beginning of a word, several); sources, words: how
    many there are in all.
    """
    found = []
    for several in asked:
        postings = np.concatenate([*several, np.empty(0, POSTING)])
        items, first, places = np.unique(postings["item"], return_index=True, return_inverse=True)
        counts = np.bincount(places, IN_TITLE * postings["title"] + ELSEWHERE * postings["words"], len(items))
        found.append((items, counts, postings["length"][first]))
    common = reduce(np.intersect1d, (items for items, _, _ in found))
    scores = np.zeros(len(common))
    for items, counts, lengths in found:
        places = np.searchsorted(items, common)
        share = math.log((sources - len(items) + 0.5) / (len(items) + 0.5))
        length = 1 - _B + _B * lengths[places] / (words / sources)
        scores += max(share, _LEAST) * (counts[places] * (_K1 + 1.0)) / (counts[places] + _K1 * length)
    order: list[int] = common[np.lexsort((common, -scores))][:limit].tolist()
    return order
