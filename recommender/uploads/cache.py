"""Embeddings and answers in Redis. Without Redis everything still works, slower; what cannot be read is a miss."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import redis

from recommender import redis_keys
from recommender.answers import Answer
from recommender.audio.preparation import PLAIN
from recommender.embedders import Frames, registry
from recommender.settings import Settings
from recommender.uploads import Upload
from recommender.vectors import Window

ALONE_SECONDS = 5.0
"""How long a claim on a file outlives the process that made it; renewed while it lives."""
ALONE_WAIT_SECONDS = 60.0
"""How long a process waits for another that works on the same file."""
ALONE_POLL_SECONDS = 0.05
SOCKET_TIMEOUT_SECONDS = 1.0
"""Redis on the same network answers within milliseconds; a longer wait is worse than a miss."""
RETRY_AFTER_SECONDS = 5.0
"""After a failure, how long Redis is left alone, so that a frozen server does not cost each request its time-out."""

_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def embedding_key(sha256: str, space: str, preparation: str = PLAIN) -> str:
    """Key of an upload's embedding."""
    made = (space,) if preparation == PLAIN else (space, preparation)
    return redis_keys.build("embedding", *made, sha256)


def claim_key(sha256: str, space: str) -> str:
    """Key of the claim on a file that is being embedded."""
    return redis_keys.build("claim", space, sha256)


def answer_key(catalogue_id: str, question: str) -> str:
    """Key of an answer; the question is hashed, since its length is the asker's choice."""
    return redis_keys.build("answer", catalogue_id, hashlib.sha256(question.encode()).hexdigest())


class Cache:
    """What is worth remembering between requests and processes; never raises, and `available` says how Redis fares."""

    def __init__(self, client: redis.Redis, embedding_seconds: int, answer_seconds: int) -> None:
        self._client = client
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)
        self._embedding_seconds = embedding_seconds
        self._answer_seconds = answer_seconds
        self._lock = threading.Lock()
        self._down_until = 0.0
        self._looks: Counter[tuple[str, bool]] = Counter()

    @classmethod
    def connect(cls, settings: Settings) -> Cache:
        """Make a cache on the settings' Redis; connects at first use."""
        client = redis.Redis.from_url(
            settings.cache_url or settings.redis_url,
            socket_timeout=SOCKET_TIMEOUT_SECONDS,
            socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        )
        return cls(client, settings.embedding_cache_seconds, settings.result_cache_seconds)

    @property
    def available(self) -> bool:
        """Whether Redis answers now."""
        return bool(self._ask(self._client.ping, default=False))

    def looks(self) -> dict[tuple[str, bool], int]:
        """Return how often it was asked for an `embedding` or an `answer`, and whether it had it."""
        with self._lock:
            return dict(self._looks)

    def upload(self, sha256: str, space: str, preparation: str = PLAIN, *, again: bool = False) -> Upload | None:
        """Return what is remembered of an upload in a space; again: the look before was counted as a miss."""
        found = self._upload(sha256, space, preparation)
        if found is not None or not again:
            self._count("embedding", found is not None)
        return found

    def _upload(self, sha256: str, space: str, preparation: str) -> Upload | None:
        value = self._ask(lambda: self._client.get(embedding_key(sha256, space, preparation)), default=None)
        if not isinstance(value, bytes):
            return None
        try:
            return _upload_from_bytes(value, sha256, space, preparation)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            _log.warning("cached embedding of %s in %s is unreadable: taken as a miss", sha256[:12], space)
            return None

    def keep_upload(self, upload: Upload) -> None:
        """Remember an upload's embedding."""
        key = embedding_key(upload.sha256, upload.frames.space, upload.preparation)
        value = _upload_to_bytes(upload)
        self._ask(lambda: self._client.set(key, value, ex=self._embedding_seconds), default=None)

    @contextmanager
    def alone(self, sha256: str, space: str) -> Iterator[None]:
        """Hold the claim on a file, once whoever else holds it is done or dead, so that it is embedded once; without
        Redis, or after `ALONE_WAIT_SECONDS`, go on without."""
        key, owner = claim_key(sha256, space), uuid.uuid4().hex
        milliseconds = int(ALONE_SECONDS * 1000)
        deadline = time.monotonic() + ALONE_WAIT_SECONDS
        while not self._ask(lambda: bool(self._client.set(key, owner, nx=True, px=milliseconds)), default=True):
            if time.monotonic() > deadline:
                break
            time.sleep(ALONE_POLL_SECONDS)
        done = threading.Event()

        def renew() -> None:
            while not done.wait(ALONE_SECONDS / 3):
                self._ask(lambda: self._renew(keys=[key], args=[owner, milliseconds]), default=None)

        threading.Thread(target=renew, name="claim", daemon=True).start()
        try:
            yield
        finally:
            done.set()
            self._ask(lambda: self._release(keys=[key], args=[owner]), default=None)

    def answer(self, catalogue_id: str, question: str) -> Answer | None:
        """Return the remembered answer to a question put to a catalogue."""
        found = self._answer(catalogue_id, question)
        self._count("answer", found is not None)
        return found

    def _answer(self, catalogue_id: str, question: str) -> Answer | None:
        value = self._ask(lambda: self._client.get(answer_key(catalogue_id, question)), default=None)
        if not isinstance(value, bytes):
            return None
        try:
            answer = Answer.from_json(json.loads(value))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            _log.warning("a cached answer of %s is unreadable: taken as a miss", catalogue_id)
            return None
        return answer if answer.catalogue_id == catalogue_id else None

    def keep_answer(self, question: str, answer: Answer) -> None:
        """Remember an answer."""
        key = answer_key(answer.catalogue_id, question)
        value = json.dumps(answer.to_json())
        self._ask(lambda: self._client.set(key, value, ex=self._answer_seconds), default=None)

    def _count(self, what: str, had: bool) -> None:
        with self._lock:
            self._looks[what, had] += 1

    def _ask(self, command: Callable[[], _T], default: _T) -> _T:
        with self._lock:
            if time.monotonic() < self._down_until:
                return default
        try:
            return command()
        except redis.ResponseError as error:
            # It answers: the key holds a value of a foreign type, or there is no memory for a new one.
            _log.warning("Redis refuses a command of the cache: %s", str(error)[:100])
            return default
        except (redis.RedisError, OSError) as error:
            with self._lock:
                self._down_until = time.monotonic() + RETRY_AFTER_SECONDS
            _log.warning("Redis does not answer, going on without cache: %s", type(error).__name__)
            return default


def _upload_to_bytes(upload: Upload) -> bytes:
    header: dict[str, object] = {"seconds": upload.seconds, "rows": len(upload.frames.vectors)}
    if upload.incomplete:
        header["incomplete"] = upload.incomplete
    if upload.cuts is not None:
        header["cuts"] = [[cut.start, cut.end, cut.first, cut.last] for cut in upload.cuts]
    return json.dumps(header).encode() + b"\n" + upload.frames.vectors.astype("<f4").tobytes()


def _upload_from_bytes(value: bytes, sha256: str, space: str, preparation: str) -> Upload:
    header, _, body = value.partition(b"\n")
    fields = json.loads(header)
    known = registry.of_space(space)
    rows, seconds = int(fields["rows"]), float(fields["seconds"])
    vectors = np.frombuffer(body, dtype="<f4").reshape(max(rows, 0), known.dimension)
    if not rows or not np.isfinite(vectors).all() or not 0 < seconds < float("inf"):
        raise ValueError("not an embedding")
    none = np.empty((len(vectors), 0), np.float32)
    frames = Frames(space, known.hop, vectors.astype(np.float32), none, ())
    incomplete = str(fields.get("incomplete", ""))
    if preparation == PLAIN:
        return Upload(sha256, seconds, frames, incomplete=incomplete)
    cuts = tuple(Window(float(a), float(b), int(first), int(last)) for a, b, first, last in fields["cuts"])
    if not cuts or not all(0 <= cut.first < cut.last <= rows for cut in cuts):
        raise ValueError("not the windows of an embedding")
    return Upload(sha256, seconds, frames, preparation, cuts, incomplete=incomplete)
