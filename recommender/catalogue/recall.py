"""Recall of an index as it is measured when a catalogue is built or pushed, and what is looked up of it later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from recommender.catalogue.base import Calibration, Items

STANDARD_ERRORS = 2.0
"""The target must lie this many standard errors under the measured recall, so that another sample reaches it too."""


def spread(items: Items, count: int) -> Items:
    """Pick at most `count` items, evenly spread, the same on every run."""
    if count >= len(items):
        return items
    return items[np.linspace(0, len(items) - 1, count).astype(np.int64)]


def measured(top: int, search_k: int, recalls: ArrayLike, target: float) -> tuple[Calibration, bool]:
    """Return what was measured with a setting, and whether it reaches the target; recalls: of each query, (n,)."""
    each = np.asarray(recalls, np.float64)
    recall, error = float(each.mean()), float(each.std()) / float(np.sqrt(len(each)))
    reached = recall >= 1.0 or recall - STANDARD_ERRORS * error >= target
    return Calibration(top, search_k, round(recall, 5), len(each)), reached


def search_k_for(calibration: Sequence[Calibration], count: int) -> int:
    """Return the measured `search_k` for a number of results; beyond the last measurement it grows in proportion."""
    for measured in calibration:
        if count <= measured.top:
            return measured.search_k
    last = calibration[-1]
    return last.search_k * -(-count // last.top)
