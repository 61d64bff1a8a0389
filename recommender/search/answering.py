"""The answer to a query whose terms were read: the results, what they have in common, and what words were taken for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from recommender.answers import WAY, Answer, Result
from recommender.catalogue.base import Catalogue
from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.errors import BadQuery
from recommender.search.label_votes import VOTERS, sounds_like
from recommender.search.search import Match, search
from recommender.search.terms import ClipTerm, LabelsTerm, Meaning, WordsTerm, combined
from recommender.search.way import End, between
from recommender.search.words.ranking import ranked
from recommender.search.words.understanding import joined
from recommender.vectors import Window, unit

MAX_TOP = 1000
SHORTEST_WAY, LONGEST_WAY = 3, 100
"""Clips of a way."""

Terms = Sequence[tuple[int, Meaning]]
Sources = frozenset[str]
NONE: Sources = frozenset()


def answer_to(
    catalogue: Catalogue, query: str, terms: Terms, top: int, skip: int, chosen: Filter, unwanted: Sources = NONE
) -> Answer:
    """Return the results of a query behind the first `skip`; raises a `QueryError`. query: its canonical text;
    unwanted: sources that are left out."""
    seeds = tuple(meaning.clip for _, meaning in terms if meaning.clip is not None)
    wanted = min(skip + top + 1, MAX_TOP + 1)
    cuts: Sequence[Window] = ()
    votes: tuple[tuple[str, float], ...] = ()
    alike: int | None = None
    if in_words := _is_in_words(terms):
        found = _in_words(catalogue, terms, wanted + len(unwanted), chosen)
        if unwanted:
            clips = catalogue.clips([match.item for match in found])
            found = [match for match, clip in zip(found, clips, strict=True) if clip.source not in unwanted]
    else:
        parts = combined(terms)
        cuts, without = parts.windows, unwanted.union(seed.source for seed in seeds)
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
        ranked_by=_ranked_by(terms) if in_words else "vectors",
        alike=alike,
    )


def _is_sound(meaning: Meaning) -> bool:
    return not isinstance(meaning, WordsTerm)


def _above(floor: float, found: Sequence[Match]) -> list[Match]:
    return [match for match in found if match.similarity >= floor]


def way_to(
    catalogue: Catalogue,
    query: str,
    start: Terms,
    end: Terms,
    top: int,
    skip: int,
    chosen: Filter,
    unwanted: Sources = NONE,
) -> Answer:
    """Return `top` clips that lead from one sound to another, both ends among them where they are clips, each with its
    similarity to the step before; fewer where so many would need a step wider than the direct one. Raises a
    `QueryError`."""
    if not SHORTEST_WAY <= top <= LONGEST_WAY:
        raise BadQuery(
            f"A way has {SHORTEST_WAY} clips or more, and {LONGEST_WAY} at most, not {top}: name such a number."
        )
    ends = [_end(catalogue, terms) for terms in (start, end)]
    seeds = tuple(each.clip for each in ends if each.clip is not None)
    if len({seed.item for seed in seeds}) < len(seeds):
        raise BadQuery(f"Both ends of the way are {seeds[0].clip_id}: name two different sounds.")
    inner = between(catalogue, ends[0], ends[1], top - len(seeds), chosen, unwanted)
    first, last = ([] if each.clip is None else [each.clip] for each in ends)
    clips = [*first, *catalogue.clips(inner), *last]
    vectors = [*([] if first else [ends[0].vector]), *catalogue.vectors_of([clip.item for clip in clips])]
    alike = [float(one.astype(np.float64) @ other) for one, other in pairwise(vectors)]
    steps = list(enumerate(zip(clips, [1.0, *alike] if first else alike, strict=True), 1))
    return Answer(
        query=query,
        catalogue_id=catalogue.id,
        seeds=seeds,
        sounds_like=(),
        results=tuple(
            Result(rank, clip, similarity, copies=catalogue.copies(clip.source))
            for rank, (clip, similarity) in steps[skip:]
        ),
        more=False,
        understood=tuple(meaning.understood for _, meaning in (*start, *end) if isinstance(meaning, WordsTerm)),
        ranked_by=WAY,
    )


def _end(catalogue: Catalogue, terms: Terms) -> End:
    """Return an end of a way: a clip, the clip that words fit best, or the direction of anything else."""
    found = _in_words(catalogue, terms, 1, EVERYTHING) if _is_in_words(terms) else []
    if found:
        clip = catalogue.clips([found[0].item])[0]
        return End(ClipTerm(catalogue, clip).vector(), clip)
    if len(terms) == 1 and terms[0][0] > 0:
        return End(terms[0][1].vector(), terms[0][1].clip)
    return End(combined(terms).vectors[0])


def _ranked_by(terms: Terms) -> str:
    return "labels" if any(isinstance(meaning, LabelsTerm) for _, meaning in terms) else "words"


def _is_in_words(terms: Terms) -> bool:
    return all(isinstance(meaning, WordsTerm) and sign > 0 for sign, meaning in terms)


def _in_words(catalogue: Catalogue, terms: Terms, wanted: int, chosen: Filter) -> list[Match]:
    """Return what fits all of some words; raises `UnknownClip` where they fit nothing at all."""
    words = [meaning for _, meaning in terms if isinstance(meaning, WordsTerm)]
    for word in words:
        # A term that means nothing would be left out of the answer in silence.
        if len(words) > 1 and word.direction is None and not catalogue.named(word.text, 1):
            word.refuse()
    directions = [word.direction for word in words if word.direction is not None]
    direction = unit(np.sum(directions, axis=0)) if directions else None
    found = ranked(catalogue, joined([word.understood for word in words]), direction, wanted, chosen)
    if not found and direction is None:
        words[0].refuse()
    return found
