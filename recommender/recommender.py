"""Recommender: the one object that the bot and the command line ask."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from recommender.answers import Answer, Result
from recommender.catalogue import open_catalogue
from recommender.catalogue.base import Catalogue
from recommender.catalogue.current import Current
from recommender.catalogue.filters import Filter
from recommender.catalogue.links import video_moment
from recommender.clips import Clip
from recommender.embedders import Embedder
from recommender.embedders.spaces import require_same
from recommender.errors import (
    BadQuery,
    NoCatalogue,
)
from recommender.library.additions import add
from recommender.query import Query, Term, parse
from recommender.search.label_votes import VOTERS, sounds_like
from recommender.search.search import search
from recommender.search.terms import Meaning, Scope, combined, resolve
from recommender.settings import Settings
from recommender.timings import Timings
from recommender.uploads import Upload
from recommender.uploads.cache import Cache
from recommender.uploads.upload_embedder import UploadEmbedder

MAX_TOP = 1000

_LINK = re.compile(r"(?:https?://|\b(?:www\.|m\.|music\.)?youtu(?:\.be|be\.com)/)[^\s<>|]+", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Recommender:
    """Answers queries from a catalogue, and embeds files. Safe to use from several threads."""

    def __init__(
        self, catalogue: Catalogue, settings: Settings, embedder: Embedder | None = None, cache: Cache | None = None
    ) -> None:
        self._current = Current(catalogue)
        self._settings = settings
        self._embedder = UploadEmbedder(settings, embedder, cache)
        self._cache = cache

    @classmethod
    def open(cls, settings: Settings, *, embedder: Embedder | None = None, cache: Cache | None = None) -> Recommender:
        """Open the settings' catalogue; raises `NoCatalogue` or `CatalogueDamaged`.

        embedder: made at first use where None, from the settings' address, else in this process by the space of the
        catalogue. cache: none where None.
        """
        if settings.catalogue is None:
            raise NoCatalogue("No catalogue is set: put its folder into CATALOGUE.")
        return cls(open_catalogue(settings.catalogue, settings.library_url), settings, embedder, cache)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of this moment: a rebuilt one takes the place of the old at the next question."""
        return self._current.catalogue()

    def similar(
        self, query: str, *, top: int = 10, skip: int = 0, only: Sequence[str] = (), without: Sequence[str] = ()
    ) -> Answer:
        """Find the clips most similar to a query, leaving out the first `skip`; raises a `QueryError`.

        only: labels of which a clip must have one; without: labels of which it must have none.
        """
        return self._similar(self.catalogue, query, {}, top, skip, only, without)

    def similar_to(
        self, upload: Upload, *, top: int = 10, skip: int = 0, only: Sequence[str] = (), without: Sequence[str] = ()
    ) -> Answer:
        """Find the clips most similar to any part of an upload; raises `SpaceMismatch` or a `QueryError`."""
        self._embedder.remember(upload)
        catalogue = self.catalogue
        require_same(catalogue.facts.space, upload.frames.space)
        return self._similar(catalogue, upload.query, {upload.sha256: upload}, top, skip, only, without)

    def embed_file(self, path: Path, timings: Timings | None = None) -> Upload:
        """Turn a file into an upload, by the cache where it was embedded before; raises `AudioError`, `EmbedderError`
        or `SpaceMismatch`."""
        facts = self.catalogue.facts
        return self._embedder.embed_file(path, facts.space, timings or Timings(), facts.recipe.prepared)

    def add(self, path: Path, upload: Upload, *, name: str, who: str) -> Clip:
        """Keep a file that was embedded in the library, where the next query finds it; returns its first clip.

        name: what its owner calls it; who: for the library's history. Raises `CannotWrite`, `SpaceMismatch`.
        """
        catalogue = self.catalogue
        require_same(catalogue.facts.space, upload.frames.space)
        kept = add(catalogue, path, upload, name=name, who=who)
        return catalogue.clip(kept)

    def clip(self, name: str) -> Clip:
        """Find a clip by clip id, source, YouTube link or `#item`; raises `UnknownClip` with close spellings."""
        return self.catalogue.clip(name)

    def clip_of_link(self, text: str) -> Clip | None:
        """Find the clip of the first YouTube link in a message that the catalogue knows, None where there is none."""
        catalogue = self.catalogue
        for link in _LINK.findall(text):
            if video_moment(link) is not None and catalogue.has(link):
                return catalogue.clip(link)
        return None

    def random(self, label: str | None = None) -> Clip:
        """Pick any clip that has a vector, or one with a label; raises `UnknownLabel`."""
        return self.catalogue.random(label)

    def labels(self, prefix: str, limit: int) -> list[str]:
        """Return at most `limit` labels for a prefix, for suggestions while somebody types."""
        return self.catalogue.labels(prefix, limit)

    def label(self, name: str) -> str:
        """Return a label as it is spelt in the catalogue; raises `UnknownLabel` with close spellings."""
        return self.catalogue.label(name)

    def warm(self) -> None:
        """Ask some queries, so that the first real one does not wait for the disk."""
        self.catalogue.warm()

    def close(self) -> None:
        """Unmap the catalogue."""
        self._current.close()

    def _similar(
        self,
        catalogue: Catalogue,
        text: str,
        uploads: dict[str, Upload],
        top: int,
        skip: int,
        only: Sequence[str],
        without: Sequence[str],
    ) -> Answer:
        if not 1 <= top <= MAX_TOP or skip < 0:
            raise BadQuery(f"Between 1 and {MAX_TOP} results can be asked for.")
        chosen = Filter(
            tuple(sorted({catalogue.label(name) for name in only})),
            tuple(sorted({catalogue.label(name) for name in without})),
        )
        query = parse(text, catalogue.has)
        space, prepared = catalogue.facts.space, catalogue.facts.recipe.prepared
        scope = Scope(catalogue, lambda sha256: uploads.get(sha256) or self._embedder.recall(sha256, space, prepared))
        terms = [(term.sign, resolve(term.text, scope)) for term in query.terms]
        # Each clip by its clip id, so that the same question has one text.
        query = Query(tuple(Term(sign, meaning.text) for sign, meaning in terms))
        library_url = self._settings.library_url or ""
        question = json.dumps([str(query), top, skip, chosen.only, chosen.without, library_url, catalogue.version])
        remembered = self._cache.answer(catalogue.id, question) if self._cache is not None else None
        if remembered is not None:
            return remembered
        catalogue.still_whole()
        answer = _answer(catalogue, str(query), terms, top, skip, chosen)
        if self._cache is not None:
            self._cache.keep_answer(question, answer)
        return answer


def _answer(
    catalogue: Catalogue, query: str, terms: Sequence[tuple[int, Meaning]], top: int, skip: int, chosen: Filter
) -> Answer:
    parts = combined(terms)
    cuts = parts.windows
    seeds = tuple(meaning.clip for _, meaning in terms if meaning.clip is not None)
    without = frozenset(seed.source for seed in seeds)
    wanted = min(skip + top + 1, MAX_TOP + 1)
    # Voters are many, and need not be the very nearest.
    count, sure = (VOTERS, top) if chosen else (max(VOTERS, wanted), skip + top)
    plain = search(catalogue, parts.vectors, count, without=without, sure=sure)
    found = plain
    if chosen:
        found = search(catalogue, parts.vectors, wanted, chosen=chosen, without=without, sure=skip + top)
    shown = found[skip : min(skip + top, MAX_TOP)]
    clips = catalogue.clips([match.item for match in shown])
    return Answer(
        query=query,
        catalogue_id=catalogue.id,
        seeds=seeds,
        sounds_like=sounds_like(catalogue, plain),
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
    )
