"""Turns files into uploads, and remembers them for the questions that follow."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.audio.preparation import PLAIN
from recommender.embedders import Embedder, Frames, registry
from recommender.embedders.spaces import require_same
from recommender.errors import BadEmbedding, EmbedderDown, NoWeights, Silent
from recommender.settings import Settings
from recommender.timings import Timings
from recommender.uploads import Upload
from recommender.uploads.cache import Cache
from recommender.vectors import Window

_log = logging.getLogger(__name__)

LABELS_KEPT = 12
"""Of what another embedder calls an upload: more than are compared, since a catalogue may not know some."""
WINDOWS_AT_ONCE = 3
"""Windows of one upload that are embedded together: the service makes one batch of them, and prepares some while the
network runs others."""
UPLOADS_KEPT = 32
"""Uploads remembered in the process itself, for the question that follows, also where there is no Redis."""


class UploadEmbedder:
    """Embeds files, or finds them in the cache where they were embedded before. Safe to use from several threads.

    embedder: made at first use where None, from the settings' address, else in this process. cache: none where None.
    """

    def __init__(self, settings: Settings, embedder: Embedder | None, cache: Cache | None) -> None:
        self._settings = settings
        self._embedder = embedder
        self._cache = cache
        self._lock = threading.Lock()
        self._uploads: OrderedDict[str, Upload] = OrderedDict()

    def embed_file(
        self, path: Path, space: str, timings: Timings, preparation: str = PLAIN, *, by_labels: bool = False
    ) -> Upload:
        """Turn a file into an upload of a space, prepared as a recipe says; by_labels: into one of another embedder's
        labels, where there is none of this space.

        Raises `AudioError`, `EmbedderError` or `SpaceMismatch`.
        """
        # Decoding brings ffmpeg's libraries along, which a process that answers clip ids never needs.
        from recommender.audio import decoding

        with timings("hash"):
            sha256 = decoding.sha256_of(path)
        known = self.recall(sha256, space, preparation)
        timings.note("embedding_cached", known is not None)
        if known is not None:
            return known
        with self._cache.alone(sha256, space) if self._cache is not None else nullcontext():
            known = self.recall(sha256, space, preparation, again=True)
            timings.note("embedding_cached", known is not None)
            return known or self._embedded(path, sha256, space, preparation, timings, by_labels)

    def recall(self, sha256: str, space: str, preparation: str = PLAIN, *, again: bool = False) -> Upload | None:
        """Return the upload of a file that was embedded before, None where it is forgotten; again: as in
        `Cache.upload`."""
        with self._lock:
            upload = self._uploads.get(sha256)
        if upload is not None and (upload.frames.space, upload.preparation) == (space, preparation):
            return upload
        return self._cache.upload(sha256, space, preparation, again=again) if self._cache is not None else None

    def remember(self, upload: Upload) -> None:
        """Keep an upload in this process; the one that was not asked for longest goes."""
        with self._lock:
            self._uploads[upload.sha256] = upload
            self._uploads.move_to_end(upload.sha256)
            while len(self._uploads) > UPLOADS_KEPT:
                self._uploads.popitem(last=False)

    @cached_property
    def _by_labels(self) -> Embedder | None:
        """The embedder that takes over where the one of the space is down."""
        url = self._settings.labels_embedder_url
        return None if url is None else _client(url)

    def _embedded(
        self, path: Path, sha256: str, space: str, preparation: str, timings: Timings, by_labels: bool
    ) -> Upload:
        try:
            embedder = self._loaded(space, by_labels)
            if by_labels and embedder.space != space and embedder.tag_names:
                return self._labelled(path, sha256, embedder, timings)
            return self._by_vectors(path, sha256, embedder, space, preparation, timings)
        except EmbedderDown as error:
            if not by_labels or self._by_labels is None:
                raise
            _log.warning("labels are compared, by LABELS_EMBEDDER_URL: %s", error)
            return self._labelled(path, sha256, self._by_labels, timings)

    def _by_vectors(
        self, path: Path, sha256: str, embedder: Embedder, space: str, preparation: str, timings: Timings
    ) -> Upload:
        from recommender.audio import decoding

        known = registry.of_space(space)
        with timings("decode"):
            sound = decoding.decode(path, max_seconds=self._settings.max_upload_seconds, rate=known.sample_rate)
        with timings("embed"):
            require_same(space, embedder.space)
            frames, cuts = _frames(sound.pcm, embedder, preparation)
        wanted = (known.dimension,)
        if not len(frames.vectors) or frames.vectors.shape[1:] != wanted or not np.isfinite(frames.vectors).all():
            raise BadEmbedding("The embedder answered something that is no embedding: tell the operator.")
        upload = Upload(sha256, sound.seconds, frames, preparation, cuts, incomplete=sound.lacking)
        self.remember(upload)
        if self._cache is not None:
            self._cache.keep_upload(upload)
        return upload

    def _labelled(self, path: Path, sha256: str, embedder: Embedder, timings: Timings) -> Upload:
        """Return an upload of the labels that an embedder of another space gives it."""
        from recommender.audio import decoding

        rate = registry.of_space(embedder.space).sample_rate
        with timings("decode"):
            sound = decoding.decode(path, max_seconds=self._settings.max_upload_seconds, rate=rate)
        with timings("embed"):
            frames = embedder.embed(sound.pcm, tags=True)
        scores = frames.tags.max(axis=0)
        best = np.argsort(-scores, kind="stable")[:LABELS_KEPT].tolist()
        labels = tuple((frames.tag_names[place], round(float(scores[place]), 2)) for place in best)
        return Upload(sha256, sound.seconds, frames, labels=labels, incomplete=sound.lacking)

    def _loaded(self, space: str, by_labels: bool = False) -> Embedder:
        with self._lock:
            if self._embedder is None:
                try:
                    self._embedder = _make_embedder(self._settings, space)
                except NoWeights:
                    if not by_labels:
                        raise
                    self._embedder = _make_embedder(self._settings, registry.default().space)
            return self._embedder


def _frames(pcm: NDArray[np.int16], embedder: Embedder, preparation: str) -> tuple[Frames, tuple[Window, ...] | None]:
    """Embed audio (n,) as a recipe says: its frames, and its windows where they do not follow from the time."""
    if preparation == PLAIN:
        return embedder.embed(pcm), None
    from recommender.prepared_windows import embed_windows, windows_of, with_sound

    cut = windows_of([pcm], registry.of_space(embedder.space).sample_rate)
    with ThreadPoolExecutor(WINDOWS_AT_ONCE) as pool:
        each = pool.map(lambda one: list(embed_windows([one], embedder, tags=False, preparation=preparation)), cut)
        found = with_sound([window for some in each for window in some], lambda window: window.loudest)
    if not found:
        raise Silent("This audio is silent: check the recording's level, or send another part of it.")
    vectors = np.concatenate([window.frames.vectors for window in found])
    ends = np.cumsum([len(window.frames.vectors) for window in found]).tolist()
    cuts = tuple(
        Window(window.start, window.end, first, last)
        for window, first, last in zip(found, [0, *ends], ends, strict=False)
    )
    return replace(found[0].frames, vectors=vectors, tags=np.empty((len(vectors), 0), np.float32)), cuts


def _make_embedder(settings: Settings, space: str) -> Embedder:
    if settings.embedder_url:
        return _client(settings.embedder_url)
    from recommender.embedders.local import in_process

    local: Embedder = in_process(space, settings.weights)
    return local


def _client(url: str) -> Embedder:
    from recommender.embedders.client import EmbedderClient

    client: Embedder = EmbedderClient(url)
    return client
