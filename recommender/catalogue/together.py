"""What several catalogues are together: their names, facts and vocabulary, and whether they can be searched at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.base import Catalogue, Facts
from recommender.catalogue.links import FILES
from recommender.catalogue.vocabulary import Vocabulary
from recommender.errors import NoCatalogue
from recommender.vectors import unit_rows

KIND_NAMES = {"audioset": "AudioSet"}


def names_of(places: Sequence[str], facts: Sequence[Facts]) -> list[str]:
    """Return a name for each catalogue, all of them different."""
    names: list[str] = []
    for place, each in zip(places, facts, strict=True):
        folder = each.extra.get("folder")
        if isinstance(folder, str):
            name = Path(folder).name
        elif "://" in place:
            url = urlsplit(place)
            name = parse_qs(url.query).get("schema", [url.path.rpartition("/")[2] or url.hostname or "database"])[0]
        else:
            name = KIND_NAMES.get(str(each.kind)) or Path(place).resolve().name
        name = " ".join(name.replace('"', "'").split())
        taken = set(map(str.casefold, names))
        different = chain([name], (f"{name}-{number}" for number in range(2, len(places) + 2)))
        names.append(next(each for each in different if each.casefold() not in taken))
    return names


def require_alike(facts: Mapping[str, Facts]) -> None:
    """Raise `NoCatalogue` unless vectors of all can be compared: preparation and the values of the centre may differ,
    as AudioSet's do from a library's."""
    (first, one), *others = facts.items()
    for name, other in others:
        made = [(each.space, each.dimension, each.recipe.pooling, each.recipe.centre is None) for each in (one, other)]
        if made[0] != made[1] or not _same(one.recipe.projection, other.recipe.projection):
            raise NoCatalogue(
                f"{first} and {name} cannot be searched together: {first} holds {_made(one)}, {name} {_made(other)}. "
                "Build both by one embedder, in the same way, or leave one out of CATALOGUE."
            )


def _same(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _made(facts: Facts) -> str:
    centred = "" if facts.recipe.centre is not None else ", too few to be centred" if facts.clips < 20 else ""
    return f"{facts.space} vectors ({facts.recipe.kind}, {facts.dimension} dimensions{centred})"


def facts_of(parts: Mapping[str, Catalogue], labels: int) -> Facts:
    """Return what all say together. labels: how many there are."""
    each = {name: catalogue.facts for name, catalogue in parts.items()}
    every = list(each.values())
    kinds = {facts.kind for facts in every}
    links = {facts.extra.get("links") for facts in every}
    extra: dict[str, Any] = {
        "kind": kinds.pop() if len(kinds) == 1 else "several",
        "links": FILES if FILES in links else next(iter(links)),
        "catalogues": {name: facts.id for name, facts in each.items()},
    }
    folders = {
        name: facts.extra["folder"] for name, facts in each.items() if isinstance(facts.extra.get("folder"), str)
    }
    extra |= {"folders": folders} if folders else {}
    weights = next((facts.weights for facts in every if facts.weights is not None), None)
    extra |= {} if weights is None else {"weights": str(weights)}
    floors = [facts.noise_floor for facts in every if facts.noise_floor is not None]
    if len(floors) == len(every):
        extra["noise_floor"] = min(floors)
    ids = repr([(name, facts.id) for name, facts in each.items()])
    return replace(
        every[0],
        id=hashlib.sha256(ids.encode()).hexdigest()[:16],
        built=max(facts.built for facts in every),
        clips=sum(facts.clips for facts in every),
        sources=sum(facts.sources for facts in every),
        searchable=sum(facts.searchable for facts in every),
        labels=labels,
        target_recall=min(facts.target_recall for facts in every),
        calibration=max(every, key=lambda facts: facts.clips).calibration,
        extra=extra,
    )


def union(vocabularies: Sequence[Vocabulary | None], spelling: Callable[[], dict[str, str]]) -> Vocabulary | None:
    """Return the labels of all, each with the mean of its directions; None where none knows words."""
    known = [vocabulary for vocabulary in vocabularies if vocabulary is not None]
    if not known:
        return None
    spelt = spelling()
    places: dict[str, int] = {}
    for vocabulary in known:
        for label in vocabulary.labels[: vocabulary.classified]:
            places.setdefault(label.casefold(), len(places))
    classified = len(places)
    names: dict[str, str] = {}
    head = np.zeros((sum(len(vocabulary.labels) for vocabulary in known), known[0].head.shape[1]))
    texts = []
    called: set[int] = set()
    for vocabulary in known:
        own = np.array([places.setdefault(label.casefold(), len(places)) for label in vocabulary.labels], np.int64)
        for label in vocabulary.labels:
            names.setdefault(label.casefold(), spelt.get(label.casefold(), label))
        np.add.at(head, own, vocabulary.head)
        if vocabulary.texts is not None and len(own):
            mine = vocabulary.texts.copy()
            mine["label"] = own[mine["label"]]
            mine = mine[~np.isin(mine["label"], list(called))]
            called.update(mine["label"].tolist())
            texts.append(mine)
    return Vocabulary(
        tuple(names[label] for label in places),
        classified,
        unit_rows(head[: len(places)]),
        np.concatenate(texts) if texts else None,
    )
