"""The order of clips for words: names that were asked for, people's labels, then what sounds so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from recommender.answers import Understood
from recommender.audio.formats import AUDIO_NAME
from recommender.catalogue.base import Catalogue, Vectors
from recommender.catalogue.filters import Filter
from recommender.catalogue.vocabulary import Vocabulary
from recommender.clips import Clip
from recommender.search.search import Match, search
from recommender.spelling import name_words

NAMES = 50
"""Files found by their name, at most: more are no answer to anything."""
NAMED = 0.6
"""Share of a name's words that a text has to hold to ask for that name."""
EVERY = 4
"""Where some clips have no labels, each fourth result is one of them that is likely right, found by its sound alone."""
NEIGHBOURS, AGREE = 20, 0.6
"""A clip without labels is likely right where so many of the labelled clips that sound as near to the words as it does
have what was meant. Measured by benchmarks/words.py, `hidden`, where a third have lost their labels: of all that the
own queries would show .67 are right, of the likely ones .80; the share was chosen by these."""
FEWEST_NEIGHBOURS = 5
"""Fewer labelled clips say nothing of one without."""


def ranked(
    catalogue: Catalogue, understood: Understood, direction: Vectors | None, count: int, chosen: Filter
) -> list[Match]:
    """Return at most `count` clips that fit the words, best first, each source once. direction: of what was understood
    in the catalogue's space, None where there is none; similarities are 0 where only a name fits."""
    named, alike = _by_name(catalogue, understood.text, chosen)
    sounding = _by_labels(catalogue, understood, direction, count, chosen) if direction is not None else []
    merged = [*named, *(match for pair in zip_longest(alike, sounding) for match in pair if match is not None)]
    return _distinct(catalogue, merged)[:count]


def _distinct(catalogue: Catalogue, matches: Sequence[Match]) -> list[Match]:
    clips = {clip.item: clip.source for clip in catalogue.clips([match.item for match in matches])}
    first: dict[str, Match] = {}
    for match in matches:
        if match.item in clips:
            first.setdefault(clips[match.item], match)
    return list(first.values())


def _by_name(catalogue: Catalogue, text: str, chosen: Filter) -> tuple[list[Match], list[Match]]:
    """Return what the text names, and what is named a little like it."""
    items = catalogue.named(text, NAMES)
    asked = set(name_words(text))
    sure: list[tuple[float, Match]] = []
    others: list[Match] = []
    for clip in catalogue.clips(items):
        # Asked for where it counts alone: it is a look-up for each file.
        seconds = catalogue.seconds_of(clip.source) if chosen.by_length else 0.0
        elsewhere = chosen.within and clip.catalogue not in chosen.within
        if elsewhere or not chosen.admits(clip.labels, seconds, clip.fields):
            continue
        match = Match(clip.item, 0.0, 0)
        share = _name_share(asked, clip)
        if share >= NAMED or AUDIO_NAME.search(text):
            sure.append((share, match))
        else:
            others.append(match)
    return [match for _, match in sorted(sure, key=lambda pair: -pair[0])], others


def named_alone(catalogue: Catalogue, text: str) -> Clip | None:
    """Return the clip of the one file whose name a text asks for, None where there is none or several."""
    asked = set(name_words(text))
    clips = [clip for clip in catalogue.clips(catalogue.named(text, NAMES)) if _name_share(asked, clip) >= NAMED]
    return clips[0] if len(clips) == 1 else None


def _name_share(asked: set[str], clip: Clip) -> float:
    return max(_share(asked, name) for name in (clip.title, clip.source.rpartition("/")[2], clip.source))


def _share(asked: set[str], name: str) -> float:
    name = AUDIO_NAME.sub("", name)
    forms = [words for words in (set(name_words(name)), set(name_words(name.lower()))) if words]
    return max((len(words & asked) / len(words) for words in forms), default=0.0)


def _by_labels(
    catalogue: Catalogue, understood: Understood, direction: Vectors, count: int, chosen: Filter
) -> list[Match]:
    vocabulary = catalogue.vocabulary
    assert vocabulary is not None  # noqa: S101 - a direction stems from one

    def nearest(wanted: Filter, most: int) -> list[Match]:
        return search(catalogue, [direction], most, chosen=wanted)

    everything = nearest(chosen, max(count, NAMES))
    labelled = _labelled(catalogue, vocabulary, understood, count, chosen, nearest)
    if not labelled:
        return everything
    likely = _likely(catalogue, understood, everything)
    unlabelled = [match for match in everything if match.item in likely]
    rest = [match for match in everything if match.item not in likely]
    return [*_mixed(labelled, unlabelled), *rest]


def _likely(catalogue: Catalogue, understood: Understood, found: Sequence[Match]) -> set[int]:
    """Return the items without labels, of clips found by their sound alone, that are likely what was meant."""
    labels = {clip.item: set(clip.labels) for clip in catalogue.clips([match.item for match in found])}
    meant, together = {name for name, _ in understood.labels}, set(understood.together)
    likely = set()
    for place, match in enumerate(found):
        if labels.get(match.item, True):
            continue
        around = [labels[other.item] for other in found[: place + NEIGHBOURS // 2 + 1] if labels.get(other.item)]
        around = around[-NEIGHBOURS:]
        agree = sum(together <= each if together else not meant.isdisjoint(each) for each in around)
        if len(around) < FEWEST_NEIGHBOURS or agree >= AGREE * len(around):
            likely.add(match.item)
    return likely


def _labelled(
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    understood: Understood,
    count: int,
    chosen: Filter,
    nearest: Callable[[Filter, int], list[Match]],
) -> list[Match]:
    """Return clips that people gave the labels: those with most of what was understood first, by sound among equals."""
    counts = catalogue.label_counts()
    by_people = set(vocabulary.labels[vocabulary.classified :])
    weights = {name: weight for name, weight in understood.labels if name in by_people and name in counts}
    together = [name for name in understood.together if name in weights]
    candidates: dict[int, Match] = {}
    groups: list[tuple[tuple[str, ...], ...]] = [(*chosen.only, (name,)) for name in weights]
    if len(together) > 1:
        groups.append((*chosen.only, *((name,) for name in together)))
    for only in groups:
        for match in nearest(replace(chosen, only=only), count):
            candidates[match.item] = match
    labels = {clip.item: set(clip.labels) for clip in catalogue.clips(list(candidates))}

    def fit(match: Match) -> tuple[int, float, float, int]:
        has = labels.get(match.item, set())
        share = sum(weight for name, weight in weights.items() if name in has)
        return -sum(name in has for name in together), -round(share, 6), -match.similarity, match.item

    return sorted(candidates.values(), key=fit)


def _mixed(labelled: Sequence[Match], unlabelled: Sequence[Match]) -> Iterator[Match]:
    first, second = iter(labelled), iter(unlabelled)
    for place in range(1, len(labelled) + len(unlabelled) + 1):
        found = next(second if place % EVERY == 0 else first, None)
        if found is None:
            break
        yield found
    yield from first
    yield from second
