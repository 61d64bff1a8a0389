"""`python -m benchmarks.way DIR`: whether a way of ten between two random clips takes small steps.

For each pair, drawn with a fixed seed: is every step more alike than the pair itself, has the way its ten clips, and
how much the angles of its steps vary. Chance is a path of random clips.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue import open_catalogue
from recommender.catalogue.filters import EVERYTHING
from recommender.search.way import End, between

PAIRS = 500
TOP = 10
SEED = 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue", metavar="DIR")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    arguments = parser.parse_args()
    catalogue = open_catalogue(arguments.catalogue)
    chance = np.random.default_rng(SEED)
    narrow, whole, by_chance = 0, 0, 0
    direct, smallest, uneven = [], [], []
    for _ in range(arguments.pairs):
        items = chance.choice(len(catalogue), TOP, replace=False).tolist()
        vectors = catalogue.vectors_of(items).astype(np.float64)
        first, last = (End(vectors[place].astype(np.float32), catalogue.clips([items[place]])[0]) for place in (0, -1))
        found = between(catalogue, first, last, TOP - 2, EVERYTHING)
        steps = _steps(catalogue.vectors_of([items[0], *found, items[-1]]).astype(np.float64))
        direct.append(float(vectors[0] @ vectors[-1]))
        smallest.append(float(steps.min()))
        angles = np.arccos(np.clip(steps, -1, 1))
        uneven.append(float(angles.std() / angles.mean()))
        narrow += smallest[-1] > direct[-1]
        whole += len(found) == TOP - 2
        by_chance += float(_steps(vectors).min()) > direct[-1]
    catalogue.close()
    count = arguments.pairs
    for name, right in (("every step above the pair", narrow), ("ten clips long", whole), ("random path", by_chance)):
        share = right / count
        print(f"{name}: {share:.3f} ± {math.sqrt(share * (1 - share) / count):.3f} of {count}")
    print(f"medians: pair {np.median(direct):.3f}, widest step {np.median(smallest):.3f}")
    print(f"angles of a way's steps: deviation {np.mean(uneven):.2f} of their mean")


def _steps(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((vectors[:-1] * vectors[1:]).sum(axis=1))


if __name__ == "__main__":
    main()
