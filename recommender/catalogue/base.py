"""The catalogue as search sees it, wherever clips, labels and vectors are kept.

A new kind of catalogue is a module with a class of `Catalogue`, a line in `recommender.catalogue.KINDS`, and a line in
tests/recommender/catalogue/test_contract.py, whose tests say what every kind must do. What is abstract here is asked of
the kind; names, suggestions and labels are read alike for all. Above it, `recommender.search` merges the windows of an
upload, and counts votes.
"""

from __future__ import annotations

import string
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.filters import EVERYTHING, Filter
from recommender.catalogue.kept import Kept
from recommender.catalogue.links import FILES, video_moment
from recommender.catalogue.name_index import Postings
from recommender.catalogue.vocabulary import Vocabulary
from recommender.clips import ID_LENGTH, Clip
from recommender.errors import CannotWrite, UnknownClip, UnknownLabel
from recommender.spelling import as_typed, closest, shortened
from recommender.vectors import Recipe

LONGEST_RESPELT = 24
"""Longer names are not respelt letter by letter: 11 characters make 1,500 spellings, looked up within 10 ms."""
NAMES_KEPT = 256
"""Names of clips that were found lately."""
TIE_DECIMALS = 9
"""float64 dot products of the same two vectors agree to more places than this on every machine."""
BLOCK_CLIPS = 4096
"""Clips read at a time where all are."""
_VIDEO_ID_LETTERS = string.ascii_letters + string.digits + "-_"

Items = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """One measurement: with `search_k` (how much the index looks at), the share of the exact `top` results that were
    found, over `sample` queries. hops: of how many clips the lists of neighbours were then looked up, one hop after the
    other; poor: the share of the queries that found less than `recall.POOR` of their results."""

    top: int
    search_k: int
    recall: float
    sample: int
    hops: tuple[int, ...] = ()
    poor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a catalogue says of itself. built: ISO time; searchable: clips that have a vector; sources: what clips were
    cut from; labels: how many different ones; extra: what the source of the clips adds, as JSON."""

    id: str
    built: str
    space: str
    recipe: Recipe
    dimension: int
    clips: int
    sources: int
    searchable: int
    labels: int
    target_recall: float
    calibration: tuple[Calibration, ...]
    extra: dict[str, Any] = field(default_factory=dict)

    def common_json(self) -> dict[str, Any]:
        """Return what every kind of catalogue keeps of itself in the same form."""
        counts = {name: getattr(self, name) for name in ("clips", "dimension", "sources", "searchable", "labels")}
        recipe = self.recipe.to_json()
        return {"id": self.id, "built": self.built, "space": self.space, "recipe": recipe, "counts": counts}

    @staticmethod
    def common_fields(data: Any) -> dict[str, Any]:
        """Read what `common_json` returned into fields by name; raises KeyError, TypeError or ValueError."""
        texts = {name: str(data[name]) for name in ("id", "built", "space")}
        counts = {name: int(data["counts"][name]) for name in ("clips", "dimension", "sources", "searchable", "labels")}
        return {**texts, **counts, "recipe": Recipe.from_json(data["recipe"])}

    @property
    def kind(self) -> str | None:
        """What the clips come from: audioset or library, None where that is not said."""
        return self.extra.get("kind")

    @property
    def noise_floor(self) -> float | None:
        """The cosine under which a result is noise, None where the build measured none."""
        floor = self.extra.get("noise_floor")
        return float(floor) if isinstance(floor, int | float) else None

    @property
    def weights(self) -> Path | None:
        """The folder of the embedder's weights at the build, None where none was named or it is gone."""
        folder = self.extra.get("weights")
        return Path(folder) if isinstance(folder, str) and Path(folder).is_dir() else None


class Hit(NamedTuple):
    """A clip found: its item, what it was cut from, and its cosine with the query."""

    item: int
    source: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Addition:
    """A recording that goes in beside what was built. windows: start and end in seconds; features: float32 (windows,
    k), as the recipe pools them, neither centred nor scaled."""

    source: str
    sha256: str
    title: str
    labels: tuple[str, ...]
    windows: Sequence[tuple[float, float]]
    features: Vectors


@dataclass(frozen=True, slots=True)
class Pushed:
    """What bringing a catalogue into a database did: clips that were copied, none where it was there already, and the
    seconds of copying, of indexing and of measuring."""

    clips: int = 0
    copying: float = 0.0
    indexing: float = 0.0
    measuring: float = 0.0


class Catalogue(ABC):
    """One catalogue, open; safe to use from several threads. An item is a clip's number for as long as the catalogue
    stands.

    location: where it was opened from, which may hold a password; identity: tells it from the one that takes its place;
    vocabulary: what words mean in it, None where it was built without; decimals: to which its similarities are exact.
    """

    location: str
    identity: object = None
    vocabulary: Vocabulary | None = None
    decimals: int = TIE_DECIMALS
    facts: Facts

    @classmethod
    @abstractmethod
    def open(cls, location: str | Path, library_url: str | None = None) -> Catalogue:
        """Open what stands at a location; library_url: address under which a library's files are served. Raises a
        `CatalogueError`."""

    @classmethod
    @abstractmethod
    def read_facts(cls, location: str | Path) -> Facts:
        """Read what the catalogue at a location says of itself, without opening it; raises a `CatalogueError`."""

    @property
    def version(self) -> str:
        """Changes with whatever is added to the catalogue after it was built."""
        return ""

    @abstractmethod
    def nearest(
        self,
        queries: Sequence[Vectors] | Vectors,
        count: int,
        *,
        chosen: Filter = EVERYTHING,
        without: frozenset[str] = frozenset(),
        sure: int | None = None,
        distinct: bool = True,
    ) -> list[list[Hit]]:
        """Return, for each unit vector (d,), the most similar clips of `count` sources: of each source its best one.

        Best first; the similarity is the cosine of query and stored vector, and clips that are equal in its first
        `decimals` stand in the order of items. without: sources left out; sure: how many of the results need
        the calibrated recall (all where None); distinct: where False, the nearest `count` clips of whatever source.
        """

    @abstractmethod
    def clips(self, items: Sequence[int]) -> list[Clip]:
        """Return the clips of these items, in this order; items that do not exist are left out."""

    @abstractmethod
    def vectors_of(self, items: Sequence[int] | Items) -> Vectors:
        """Return the vectors of these items: float32 (n, d), of unit length, or zero for a clip that has none."""

    @abstractmethod
    def item_of(self, clip_id: str) -> int | None:
        """Return the item of a clip id, None where there is none."""

    @abstractmethod
    def clips_of(self, source: str) -> list[tuple[int, float, float]]:
        """Return item, start and end of a source's clips, in the order of starts, then items."""

    @abstractmethod
    def ids_near(self, clip_id: str) -> list[str]:
        """Return some clip ids that stand before and behind this text in the order of code points."""

    @abstractmethod
    def ids_of(self, sources: Sequence[str]) -> list[str]:
        """Return the clip ids of those of these sources that there are."""

    @abstractmethod
    def named(self, text: str, limit: int) -> list[int]:
        """Return items, one for each of at most `limit` sources, whose title (or what else they are found by: paths,
        artist, keywords) holds all words of a text, the last of them perhaps not to its end; the best first. Words are
        compared as `name_words` returns them."""

    @abstractmethod
    def label_counts(self) -> Mapping[str, int]:
        """Return how many clips have each label."""

    @abstractmethod
    def draw(self, label: str | None = None) -> int | None:
        """Return an item drawn at random among those that have a vector, and the label; None where there is none."""

    def names(self) -> Iterable[tuple[str, str]]:
        """Return each source and its title, for suggestions; only asked of catalogues of files."""
        return ()

    def words(self) -> Iterator[tuple[str, Postings]]:
        """Return each word by which `named` finds sources, in the order of code points, and where it stands."""
        return iter(())

    def lengths(self) -> NDArray[np.float64] | None:
        """Return what each clip's vector was divided by when it was built, None where that was not kept."""
        return None

    def added_as(self, sha256: str) -> str | None:
        """Return the source under which a file of this content was added, None where it was not."""
        return None

    def add(self, addition: Addition) -> None:
        """Take in a recording, which the next question finds. Raises `CannotWrite`."""
        raise CannotWrite("Nothing can be added to this catalogue: add it to what the catalogue is built from.")

    @property
    def measures(self) -> frozenset[str]:
        """What files tell in numbers, and clips can be chosen by; nothing where the kind does not keep it."""
        return frozenset()

    @property
    def members(self) -> Mapping[str, Catalogue]:
        """The catalogues that answer, by name: this one under no name, but where several are searched as one."""
        return {"": self}

    def member_of(self, clip: Clip) -> tuple[Catalogue, Clip]:
        """Return the catalogue that a clip is of, and the clip as that one knows it."""
        return self, clip

    def identity_now(self) -> object:
        """Return the identity of what stands at the location now."""
        return self.identity

    def reopen(self) -> Catalogue:
        """Open what stands at the location now; raises a `CatalogueError`."""
        return self

    def still_whole(self) -> None:  # noqa: B027 - most kinds need nothing
        """Raise a `CatalogueError` where the catalogue can no longer be asked."""

    def warm(self) -> None:  # noqa: B027 - most kinds need nothing
        """Ask some queries, so that the first real one does not wait for the disk."""

    def verify(self) -> str:
        """Read and compare all that there is, and return what was found right; raises a `CatalogueError`."""
        return f"{len(self):,} clips"

    def describe(self) -> dict[str, Any]:
        """Return what `info` prints of this kind of catalogue, beside the facts."""
        return {}

    def close(self) -> None:  # noqa: B027 - most kinds need nothing
        """Let go of everything; the catalogue cannot be asked afterwards."""

    # The rest is the same for every kind.

    def __len__(self) -> int:
        return self.facts.clips

    @cached_property
    def _found(self) -> Kept[tuple[str, str], int]:
        """What names were found to mean lately: a question looks each of its terms up three times."""
        return Kept(NAMES_KEPT)

    @cached_property
    def copied_from(self) -> Mapping[str, str]:
        """The source whose clips stand for those of each source that is a copy of it."""
        return {copy: source for source, copies in self.facts.extra.get("copies", {}).items() for copy in copies}

    @property
    def id(self) -> str:
        """What the catalogue is known by: changes with every rebuild that changes anything."""
        return self.facts.id

    def all_clips(self) -> Iterator[tuple[Clip, Vectors]]:
        """Return the clips that were built in, in the order of items, each with its vector."""
        for first in range(0, len(self), BLOCK_CLIPS):
            items = range(first, min(first + BLOCK_CLIPS, len(self)))
            yield from zip(self.clips(items), self.vectors_of(items), strict=True)

    def clip(self, name: str) -> Clip:
        """Find a clip by clip id, source, YouTube link or `#item`; raises `UnknownClip` with close spellings."""
        item = self.find(name)
        if item is None:
            near = self._close_ids(name.strip())
            if near:
                hint = f"Did you mean {near[0]}?"
            elif self.vocabulary is None and name.replace(" ", "").isalpha():
                hint = "It was built without what words mean: build it again to ask in words."
            else:
                hint = "Check the id, or ask with an audio file."
            raise UnknownClip(f"The catalogue has no clip {shortened(name)}. {hint}", near)
        return self.clips([item])[0]

    def has(self, name: str) -> bool:
        """Say whether `find` finds a clip."""
        return self.find(name) is not None

    def find(self, name: str) -> int | None:
        """Return the item that a clip id, source, YouTube link or `#item` names, None where there is none. A source may
        be typed composed or decomposed, and as it is shown."""
        asked = name, self.version
        item = self._found.get(asked)
        if item is None:
            item = next((item for form in as_typed(name.strip()) if (item := self._find(form)) is not None), None)
            if item is not None:
                self._found.keep(asked, item)
        return item

    def _find(self, name: str) -> int | None:
        if name.startswith("#") and name[1:].isascii() and name[1:].isdecimal() and len(name) < 12:
            clips = self.clips([int(name[1:])])
            return clips[0].item if clips else None
        moment = video_moment(name)
        if moment is not None:
            return self._at(moment.video_id, moment.seconds)
        item = self.item_of(name)
        if item is None:
            item = self._at(self._stands_for(name), None)
        if item is None and self.facts.extra.get("links") == FILES and len(name) == ID_LENGTH:
            # The id of a file without a start, as an AudioSet video's: the file's first window.
            windows = [clip_id for clip_id in self.ids_near(f"{name}_") if clip_id.startswith(f"{name}_")]
            item = self.item_of(min(windows, key=len)) if windows else None
        return item

    def copies(self, source: str) -> int:
        """Say how many files hold the recording of a source, itself included."""
        return 1 + len(self.facts.extra.get("copies", {}).get(source, ()))

    def seconds_of(self, source: str) -> float:
        """Return how long a source lasts by its clips, in seconds: from the first's start to the last's end."""
        clips = self.clips_of(source)
        return max(end for _, _, end in clips) - min(start for _, start, _ in clips) if clips else 0.0

    @cached_property
    def sounds(self) -> frozenset[str]:
        """The labels that the embedder gives by sound alone, none where it has no classifier; the others stem from
        people: folders, files' own tags."""
        known = self.vocabulary
        return frozenset() if known is None else frozenset(known.labels[: known.classified])

    def label(self, name: str) -> str:
        """Return a label as it is spelt in the catalogue; raises `UnknownLabel` with close spellings."""
        wanted, known = name.strip().casefold(), self.label_counts()
        for label in known:
            if label.casefold() == wanted:
                return label
        near = closest(name.strip(), zip(known, known, strict=True))
        common = ", ".join(sorted(known, key=lambda label: (-known[label], label))[:3])
        hint = (
            f"Did you mean {near[0]}?" if near else f"The commonest labels are {common}." if common else "None has any."
        )
        raise UnknownLabel(f"No clip has the label {shortened(name)}. {hint}", near)

    def labels(self, prefix: str, limit: int) -> list[str]:
        """Return labels for a prefix: those that begin so, then those with a word that does; common ones first."""
        wanted, counts = prefix.strip().casefold(), self.label_counts()
        names = [(name, name.casefold()) for name in sorted(counts, key=lambda name: (-counts[name], name))]
        first = [name for name, folded in names if folded.startswith(wanted)]
        then = [name for name, folded in names if not folded.startswith(wanted) and f" {wanted}" in f" {folded}"]
        return (first + then)[:limit]

    def random(self, label: str | None = None) -> Clip:
        """Return any clip that has a vector, or one with a label; raises `UnknownLabel`."""
        name = None if label is None else self.label(label)
        item = self.draw(name)
        if item is None:
            raise UnknownLabel(f"No clip with the label {name} has a vector: take another label.")
        return self.clips([item])[0]

    def _at(self, source: str, seconds: float | None) -> int | None:
        clips = self.clips_of(source)
        if not clips:
            return None
        if seconds is None:
            return clips[0][0]
        return min(clips, key=lambda clip: (not clip[1] <= seconds < clip[2], abs(clip[1] - seconds), clip[0]))[0]

    def _stands_for(self, source: str) -> str:
        """Return the source whose clips stand for those of a copy; itself where it is none."""
        return self.copied_from.get(source, source)

    def _close_ids(self, name: str) -> tuple[str, ...]:
        near = set(self.ids_near(name)) | set(self.ids_near(name.swapcase()))
        if len(name) <= LONGEST_RESPELT:
            near.update(self.ids_of(list(_one_edit_away(name))))
        ids = [(clip_id, text) for clip_id in near for text in (clip_id, clip_id.rpartition("_")[0])]
        if self.facts.extra.get("links") == FILES:
            # Of a path as much as was typed: the file's name, or its folders too.
            depth = name.count("/") + 1
            for source, title in self.names():
                end = "/".join(source.split("/")[-depth:])
                ids += [(source, unicodedata.normalize("NFC", text)) for text in {end, end.rpartition(".")[0], title}]
        return closest(unicodedata.normalize("NFC", name), ids)


def _one_edit_away(name: str) -> Iterator[str]:
    """Respell a video id: other case, a character lost, added, changed, or two exchanged."""
    yield from (name.swapcase(), name.lower(), name.upper())
    for place in range(len(name) + 1):
        head, tail = name[:place], name[place:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in _VIDEO_ID_LETTERS:
            yield head + letter + tail
            yield head + letter + tail[1:]
