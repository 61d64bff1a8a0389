"""Recommender: the one object that the bot and the command line ask."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

from recommender.answers import Answer
from recommender.catalogue import open_catalogue
from recommender.catalogue.base import Catalogue
from recommender.catalogue.current import Current
from recommender.catalogue.filters import Filter
from recommender.catalogue.links import video_moment
from recommender.catalogue.measures import Bound
from recommender.clips import Clip
from recommender.embedders import Embedder
from recommender.embedders.spaces import require_same
from recommender.embedders.text import LazyMiniLM, TextEncoder
from recommender.embedders.text_client import TextClient
from recommender.errors import (
    BadQuery,
    NoCatalogue,
)
from recommender.library.additions import add, libraries_of
from recommender.query import Query, Term, parse
from recommender.search.answering import MAX_TOP, answer_to, way_to
from recommender.search.chosen import filter_of
from recommender.search.terms import Scope, resolve
from recommender.search.words.understanding import Reader
from recommender.settings import Settings
from recommender.timings import Timings
from recommender.uploads import Upload
from recommender.uploads.cache import Cache
from recommender.uploads.upload_embedder import UploadEmbedder

_LINK = re.compile(r"(?:https?://|\b(?:www\.|m\.|music\.)?youtu(?:\.be|be\.com)/)[^\s<>|]+", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Recommender:
    """Answers queries from a catalogue, and embeds files. Safe to use from several threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: Settings,
        embedder: Embedder | None = None,
        cache: Cache | None = None,
        texts: TextEncoder | None = None,
    ) -> None:
        self._current = Current(catalogue)
        self._settings = settings
        # Sounds are embedded with the weights that the catalogue's were, where no others are named.
        weights = settings.weights or catalogue.facts.weights
        self._embedder = UploadEmbedder(settings.model_copy(update={"weights": weights}), embedder, cache)
        self._cache = cache
        self._texts = texts
        self._reader: tuple[str, Reader | None] = "", None

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        cache: Cache | None = None,
        texts: TextEncoder | None = None,
    ) -> Recommender:
        """Open the settings' catalogue; raises `NoCatalogue` or `CatalogueDamaged`.

        embedder: made at first use where None, from the settings' address, else in this process by the space of the
        catalogue. cache: none where None. texts: likewise made at first use, from the address or in this process.
        """
        if settings.catalogue is None:
            raise NoCatalogue("No catalogue is set: put its folder into CATALOGUE.")
        return cls(open_catalogue(settings.catalogue, settings.library_url), settings, embedder, cache, texts)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of this moment: a rebuilt one takes the place of the old at the next question."""
        return self._current.catalogue()

    def similar(
        self,
        query: str,
        *,
        top: int = 10,
        skip: int = 0,
        only: Sequence[str | Sequence[str]] = (),
        without: Sequence[str] = (),
        longer: float = 0.0,
        shorter: float = math.inf,
        within: Sequence[str] = (),
        told: Sequence[Bound] = (),
        left_out: Sequence[str] = (),
    ) -> Answer:
        """Find the clips most similar to a query, leaving out the first `skip`; raises a `QueryError`.

        only: labels that a clip must have, or groups of labels of which it must have one; without: labels of which it
        must have none; longer, shorter: bounds of the length of its source, in seconds; within: names of catalogues,
        where several are searched as one; told: bounds of what files tell in numbers; left_out: names of
        clips whose sources are not wanted.
        """
        catalogue = self.catalogue
        chosen = filter_of(catalogue, only, without, longer, shorter, within, told)
        return self._similar(catalogue, query, {}, top, skip, chosen, left_out)

    def similar_to(
        self,
        upload: Upload,
        *,
        also: str = "",
        top: int = 10,
        skip: int = 0,
        only: Sequence[str | Sequence[str]] = (),
        without: Sequence[str] = (),
        longer: float = 0.0,
        shorter: float = math.inf,
        within: Sequence[str] = (),
        told: Sequence[Bound] = (),
        left_out: Sequence[str] = (),
    ) -> Answer:
        """Find the clips most similar to any part of an upload; raises `SpaceMismatch` or a `QueryError`.

        also: terms that are combined with it, each behind its sign, as "+ rain - #193".
        """
        self._embedder.remember(upload)
        catalogue = self.catalogue
        if not upload.labels:
            require_same(catalogue.facts.space, upload.frames.space)
        chosen = filter_of(catalogue, only, without, longer, shorter, within, told)
        return self._similar(
            catalogue, f"{upload.query} {also}".strip(), {upload.sha256: upload}, top, skip, chosen, left_out
        )

    def embed_file(self, path: Path, timings: Timings | None = None) -> Upload:
        """Turn a file into an upload, by the cache where it was embedded before; raises `AudioError`, `EmbedderError`
        or `SpaceMismatch`."""
        catalogue = self.catalogue
        space, prepared = catalogue.facts.space, catalogue.facts.recipe.prepared
        by_labels = catalogue.vocabulary is not None and catalogue.vocabulary.by_people
        return self._embedder.embed_file(path, space, timings or Timings(), prepared, by_labels=by_labels)

    def add(self, path: Path, upload: Upload, *, name: str, who: str) -> Clip:
        """Keep a file that was embedded in the library, where the next query finds it; returns its first clip.

        name: what its owner calls it; who: for the library's history. Raises `CannotWrite`, `SpaceMismatch`.
        """
        catalogue = self.catalogue
        require_same(catalogue.facts.space, upload.frames.space)
        # Of several catalogues, the first that is a library keeps it.
        home = next(iter(libraries_of(catalogue)), "")
        kept = add(catalogue.members.get(home, catalogue), path, upload, name=name, who=who)
        return catalogue.clip(f"{home}/{kept}" if home else kept)

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
        chosen: Filter,
        left_out: Sequence[str],
    ) -> Answer:
        if not 1 <= top <= MAX_TOP or skip < 0:
            raise BadQuery(f"Between 1 and {MAX_TOP} results can be asked for.")
        # Artist - Title is a file's name before it is a difference; quotes say themselves where a term ends.
        signs = any(f" {sign} " in text.lower() for sign in ("-", "to", "without")) and not text.startswith('"')
        query = parse(text, catalogue.has, lambda name: signs and bool(catalogue.named(name, 1)))
        space, prepared = catalogue.facts.space, catalogue.facts.recipe.prepared

        def recall(sha256: str) -> Upload | None:
            upload = uploads.get(sha256) or self._embedder.recall(sha256, space, prepared)
            return upload and uploads.setdefault(sha256, upload)

        scope = Scope(catalogue, recall, self._reads(catalogue), self._encoder())
        alone = len(query.terms) == 1 and not query.to
        terms, end = (
            [(term.sign, resolve(term.text, scope, alone=alone)) for term in side] for side in (query.terms, query.to)
        )
        # Each clip by its clip id, so that the same question has one text.
        query = Query(*(tuple(Term(sign, meaning.text) for sign, meaning in side) for side in (terms, end)))
        library_url = self._settings.library_url or ""
        barred = catalogue.clips([item for item in map(catalogue.find, left_out) if item is not None])
        unwanted = frozenset(clip.source for clip in barred)
        bounds = top, skip, *astuple(chosen), sorted(unwanted)
        question = json.dumps([str(query), *bounds, library_url, catalogue.version])
        remembered = self._cache.answer(catalogue.id, question) if self._cache is not None else None
        if remembered is not None:
            return remembered
        catalogue.still_whole()
        if end:
            answer = way_to(catalogue, str(query), terms, end, top, skip, chosen, unwanted)
        else:
            answer = answer_to(catalogue, str(query), terms, top, skip, chosen, unwanted)
        named = {label for clip in (*answer.seeds, *(r.clip for r in answer.results)) for label in clip.labels}
        cut = tuple(upload.incomplete for upload in uploads.values() if upload.incomplete)
        answer = replace(answer, by_sound=tuple(sorted(named & catalogue.sounds)), incomplete=cut)
        # What was understood by its spelling alone is understood better in a moment.
        if self._cache is not None and all(understood.by_meaning for understood in answer.understood):
            self._cache.keep_answer(question, answer)
        return answer

    def _reads(self, catalogue: Catalogue) -> Reader | None:
        """Return the reader of a catalogue's vocabulary, None where it has none."""
        known, reader = self._reader
        if known != catalogue.id:
            reader = None if catalogue.vocabulary is None else Reader(catalogue.vocabulary)
            self._reader = catalogue.id, reader
        return reader

    def _encoder(self) -> TextEncoder:
        if self._texts is None:
            # Of any service: the text encoder is the same in all of them.
            urls = [url for url in (self._settings.embedder_url, self._settings.labels_embedder_url) if url]
            self._texts = TextClient(",".join(urls)) if urls else LazyMiniLM()
        return self._texts
