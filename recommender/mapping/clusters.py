"""Regions of a map, and the label that tells each from the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from recommender.mapping.layout import Points

MOST_CLUSTERS = 12
ROUNDS = 30
SMALLEST_SHARE = 0.05
SMALLEST_LIFT = 1.5
"""A label below either is chance."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A region of a map. label: what tells it from the rest, empty where nothing does; rows: of its points; centre: the
    point of it nearest to its middle."""

    label: str
    rows: NDArray[np.int64]
    centre: tuple[float, float]


def clusters(points: Points, labels: Sequence[Sequence[str]], most: int = MOST_CLUSTERS) -> list[Cluster]:
    """Return the regions of these points (n, 2), the largest first, each named by the most telling label of its clips
    that none names better. labels: of each point; most: how many regions at most."""
    if not len(points):
        return []
    places = _regions(points, max(1, min(most, round(sqrt(len(points)) / 1.5))))
    groups = sorted((np.flatnonzero(places == one) for one in np.unique(places)), key=len, reverse=True)
    names = _names(groups, labels)
    return [Cluster(names.get(number, ""), rows, _centre(points[rows])) for number, rows in enumerate(groups)]


def _regions(points: Points, count: int) -> NDArray[np.int64]:
    """Return the number of each point's region: Lloyd's k-means, from points that are far from one another."""
    middles = points[[int(np.argmin(_apart(points, points.mean(axis=0, keepdims=True))[:, 0]))]]
    while len(middles) < count:
        far = _apart(points, middles).min(axis=1)
        middles = np.vstack((middles, points[int(far.argmax())]))
    for _ in range(ROUNDS):
        nearest = _apart(points, middles).argmin(axis=1)
        middles = np.stack(
            [points[nearest == one].mean(axis=0) if (nearest == one).any() else middles[one] for one in range(count)]
        )
    return np.asarray(_apart(points, middles).argmin(axis=1))


def _apart(points: Points, others: Points) -> NDArray[np.float64]:
    return np.asarray(((points[:, None] - others[None]) ** 2).sum(axis=2))


def _centre(points: Points) -> tuple[float, float]:
    place = points[int(_apart(points, np.median(points, axis=0, keepdims=True))[:, 0].argmin())]
    return float(place[0]), float(place[1])


def _names(groups: Sequence[NDArray[np.int64]], labels: Sequence[Sequence[str]]) -> dict[int, str]:
    """Return the labels of groups by their numbers: the most telling pair first, no label twice."""
    common = Counter(label for each in labels for label in set(each))
    telling = []
    for number, rows in enumerate(groups):
        for label, count in Counter(label for row in rows for label in set(labels[row])).items():
            share, expected = count / len(rows), common[label] / len(labels)
            if share >= SMALLEST_SHARE and (share >= SMALLEST_LIFT * expected or len(groups) == 1):
                telling.append((-share * log(share / expected), -share, label, number))
    names: dict[int, str] = {}
    for _, _, label, number in sorted(telling):
        if number not in names and label not in names.values():
            names[number] = label
    return names
