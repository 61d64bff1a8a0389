"""Filters as people write them: labels in any case, several in one text, `or` between those of which one will do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from recommender.catalogue.base import Catalogue
from recommender.catalogue.filters import OR, Filter
from recommender.catalogue.measures import Bound
from recommender.errors import BadQuery, UnknownLabel
from recommender.spelling import shortened

_EITHER = re.compile(rf"\s*{re.escape(OR)}\s*|\s+or\s+", re.IGNORECASE)
_COMMA = re.compile(r"\s*[,;]\s*")


def filter_of(
    catalogue: Catalogue,
    only: Sequence[str | Sequence[str]],
    without: Sequence[str],
    longer: float,
    shorter: float,
    within: Sequence[str] = (),
    told: Sequence[Bound] = (),
) -> Filter:
    """Return the filter with its labels as the catalogue spells them, each once; raises `UnknownLabel`.

    only: labels, several in one text where commas or `or` stand between them; or groups of which one is enough;
    within: names of catalogues; told: bounds of what files tell in numbers.
    """
    unknown = sorted({name for name, _, _ in told} - catalogue.measures)
    if unknown:
        raise BadQuery(
            f"The catalogue knows no {' and no '.join(unknown)} of its clips: leave it out, or build a library again "
            "whose files tell it. Databases and AudioSet do not have it."
        )
    groups: set[tuple[str, ...]] = set()
    for wanted in only:
        if isinstance(wanted, str):
            groups.update(_groups(catalogue, wanted))
        else:
            groups.add(tuple(sorted({catalogue.label(name) for name in wanted})))
    barred = {name for unwanted in without for group in _groups(catalogue, unwanted) for name in group}
    return Filter(
        tuple(sorted(groups)), tuple(sorted(barred)), longer, shorter, _within(catalogue, within), tuple(told)
    )


def _within(catalogue: Catalogue, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the names of catalogues as they are spelt; raises `BadQuery`."""
    known = {name.casefold(): name for name in catalogue.members if name}
    for name in wanted:
        if name.strip().casefold() not in known:
            there = f"search in {' or '.join(known.values())}" if known else "one catalogue alone is searched"
            raise BadQuery(f"There is no catalogue {shortened(name)}: {there}.")
    return tuple(sorted({known[name.strip().casefold()] for name in wanted}))


def _groups(catalogue: Catalogue, text: str) -> Iterator[tuple[str, ...]]:
    """Split a text into groups of labels: by commas where that makes labels, since a label may hold commas itself."""
    try:
        yield (catalogue.label(text),)
        return
    except UnknownLabel:
        if not _COMMA.search(text) and not _EITHER.search(text):
            raise
    parts = _COMMA.split(text.strip(" ,;"))
    while parts:
        for count in range(len(parts), 0, -1):
            names = _EITHER.split(", ".join(parts[:count]))
            try:
                yield tuple(sorted({catalogue.label(name) for name in names}))
            except UnknownLabel:
                if count == 1:
                    raise
            else:
                del parts[:count]
                break
