"""The answer to a query whose terms were read: the results, what they have in common, and what words were taken for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.answers import Answer, Result
from recommender.catalogue.base import Catalogue
from recommender.catalogue.filters import Filter
from recommender.search.label_votes import VOTERS, sounds_like
from recommender.search.search import Match, search
from recommender.search.terms import LabelsTerm, Meaning, WordsTerm, combined
from recommender.search.words.ranking import ranked
from recommender.search.words.understanding import joined
from recommender.vectors import Window, unit

MAX_TOP = 1000


def answer_to(
    catalogue: Catalogue, query: str, terms: Sequence[tuple[int, Meaning]], top: int, skip: int, chosen: Filter
) -> Answer:
    """Return the results of a query behind the first `skip`; raises a `QueryError`. query: its canonical text."""
    seeds = tuple(meaning.clip for _, meaning in terms if meaning.clip is not None)
    wanted = min(skip + top + 1, MAX_TOP + 1)
    cuts: Sequence[Window] = ()
    votes: tuple[tuple[str, float], ...] = ()
    alike: int | None = None
    if in_words := all(isinstance(meaning, WordsTerm) and sign > 0 for sign, meaning in terms):
        found = _in_words(catalogue, [m for _, m in terms if isinstance(m, WordsTerm)], wanted, chosen)
    else:
        parts = combined(terms)
        cuts, without = parts.windows, frozenset(seed.source for seed in seeds)
        # Voters are many, and need not be the very nearest.
        count, sure = (VOTERS, top) if chosen else (max(VOTERS, wanted), skip + top)
        found = plain = search(catalogue, parts.vectors, count, without=without, sure=sure)
        if chosen:
            found = search(catalogue, parts.vectors, wanted, chosen=chosen, without=without, sure=skip + top)
        # Less of something lies far from everything: the floor is that of sounds.
        if catalogue.facts.noise_floor is not None and all(_is_sound(meaning) and sign > 0 for sign, meaning in terms):
            floor, before = catalogue.facts.noise_floor, len(found)
            found, plain = _above(floor, found), _above(floor, plain)
            alike = len(found) if len(found) < min(before, skip + top) else None
        votes = sounds_like(catalogue, plain)
    shown = found[skip : min(skip + top, MAX_TOP)]
    clips = catalogue.clips([match.item for match in shown])
    return Answer(
        query=query,
        catalogue_id=catalogue.id,
        seeds=seeds,
        sounds_like=votes,
        results=tuple(
            Result(
                rank=rank,
                clip=clip,
                similarity=match.similarity,
                matched=(cuts[match.place].start, cuts[match.place].end) if len(cuts) > 1 else None,
                copies=catalogue.copies(clip.source),
            )
            for rank, (clip, match) in enumerate(zip(clips, shown, strict=True), skip + 1)
        ),
        more=len(found) > skip + len(shown) and skip + len(shown) < MAX_TOP,
        understood=tuple(meaning.understood for _, meaning in terms if isinstance(meaning, WordsTerm)),
        ranked_by=_way(terms) if in_words else "vectors",
        alike=alike,
    )


def _is_sound(meaning: Meaning) -> bool:
    return not isinstance(meaning, WordsTerm)


def _above(floor: float, found: Sequence[Match]) -> list[Match]:
    return [match for match in found if match.similarity >= floor]


def _way(terms: Sequence[tuple[int, Meaning]]) -> str:
    return "labels" if any(isinstance(meaning, LabelsTerm) for _, meaning in terms) else "words"


def _in_words(catalogue: Catalogue, words: Sequence[WordsTerm], wanted: int, chosen: Filter) -> list[Match]:
    """Return what fits all of some words; raises `UnknownClip` where they fit nothing at all."""
    directions = [word.direction for word in words if word.direction is not None]
    direction = unit(np.sum(directions, axis=0)) if directions else None
    found = ranked(catalogue, joined([word.understood for word in words]), direction, wanted, chosen)
    if not found and direction is None:
        words[0].refuse()
    return found
