"""Recall of an index as it is measured when a catalogue is built or pushed, and what is looked up of it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from recommender.catalogue.base import Calibration, Items

STANDARD_ERRORS = 2.0
"""The target must lie this many standard errors under the measured recall, so that another sample reaches it too."""
POOR = 0.8
"""Of 100 queries at most as many may find less than this share of their results as the target lets miss on average:
with a target of 0.99, one."""


def spread(items: Items, count: int) -> Items:
    """Pick at most `count` items, evenly spread, the same on every run."""
    if count >= len(items):
        return items
    return items[np.linspace(0, len(items) - 1, count).astype(np.int64)]


def measured(
    top: int, search_k: int, recalls: ArrayLike, target: float, hops: tuple[int, ...] = ()
) -> tuple[Calibration, bool]:
    """Return what was measured with a setting, and whether it reaches the target; recalls: of each query, (n,)."""
    each = np.asarray(recalls, np.float64)
    recall, error = float(each.mean()), float(each.std()) / float(np.sqrt(len(each)))
    poor = float((each < POOR).mean())
    reached = recall >= 1.0 or (recall - STANDARD_ERRORS * error >= target and poor <= 1 - target)
    return Calibration(top, search_k, round(recall, 5), len(each), hops, round(poor, 5)), reached


def setting_for(calibration: Sequence[Calibration], count: int) -> Calibration:
    """Return the measured setting for a number of results; beyond the last measurement it grows in proportion."""
    for measured in calibration:
        if count <= measured.top:
            return measured
    last = calibration[-1]
    times = -(-count // last.top)
    return replace(last, search_k=last.search_k * times, hops=tuple(width * times for width in last.hops))


def search_k_for(calibration: Sequence[Calibration], count: int) -> int:
    """Return the measured `search_k` for a number of results."""
    return setting_for(calibration, count).search_k
