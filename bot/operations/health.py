"""Probes and metrics of every kind of process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import redis
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from bot.operations.redis_advice import advice
from bot.queue.figures import Figures, figures
from bot.services import Services
from recommender.embedders.client import EmbedderClient
from recommender.embedders.http import shown_address
from recommender.errors import SoundalikeError
from recommender.service.probes import PROBES, WAIT_SECONDS, Look, Part, Probes, State
from recommender.service.process_metrics import families, register_process

EMBEDDER_SECONDS = 2.0
"""How long the embedder may take to say how it fares: it answers between batches."""
CATALOGUE_SECONDS = 30.0
"""How long a look at the catalogue may take while the last one stands: a rebuilt one may be being opened."""
METRICS = "/metrics"
PATHS = PROBES | {METRICS}

Answer = tuple[int, bytes, str]
"""HTTP status, body, content type."""


class Health:
    """Answers probes and metrics of one process. more: parts of this kind of process alone; needs_redis: whether it can
    do nothing without Redis."""

    def __init__(self, services: Services, *more: Part, needs_redis: bool = False) -> None:
        self._services = services
        self._registry = services.observer.registry
        self._looks = (
            Part("redis", self._redis, needed=needs_redis),
            *_embedders(services.settings.embedder_url),
            Part("catalogue", self._catalogue, needed=True, patience=CATALOGUE_SECONDS),
            *more,
        )
        self._probes = Probes(self._looks)

    def answer(self, path: str) -> Answer:
        """Answer one of `PATHS`, within half a second whatever is frozen."""
        if path == METRICS:
            return 200, generate_latest(self._registry), CONTENT_TYPE_LATEST
        status, body = self._probes.answer(path)
        return status, json.dumps(body).encode(), "application/json"

    def states(self) -> dict[str, State]:
        """Look at all parts, for `WAIT_SECONDS` at the most."""
        return self._probes.all_states()

    def _redis(self) -> State:
        try:
            self._services.redis.ping()
        except redis.RedisError as error:
            return State(False, advice(error))
        return State(True)

    def _catalogue(self) -> State:
        try:
            catalogue = self._services.recommender.catalogue
            catalogue.still_whole()
        except SoundalikeError as error:
            return State(False, str(error))
        return State(True, f"{catalogue.id}, {len(catalogue)} clips")


def _embedders(url: str | None) -> list[Part]:
    """Return the part `embedder`, which works while one of the addresses does, and where there are several a part for
    each. With clients of their own: whoever asks for health waits seconds, not the minute that audio may take."""
    if url is None:
        unset = State(False, "EMBEDDER_URL is not set: uploads are embedded in the worker itself")
        return [Part("embedder", lambda: unset)]
    away = State(False, "does not answer: uploads are refused until it does")
    urls = EmbedderClient(url).urls
    clients = [EmbedderClient(each, timeout=EMBEDDER_SECONDS) for each in urls]
    if len(urls) == 1:
        return [Part("embedder", lambda: State(True) if clients[0].ready() else away, patience=EMBEDDER_SECONDS)]

    def one(client: EmbedderClient) -> State:
        return State(True) if client.ready() else State(False, "does not answer: the others work for it")

    parts = [
        Part(f"embedder {shown_address(url)}", partial(one, client), patience=EMBEDDER_SECONDS)
        for url, client in zip(urls, clients, strict=True)
    ]

    def any_of() -> State:
        states = Probes.states(parts)
        return State(True) if any(state.works for state in states.values()) else away

    return [Part("embedder", any_of, patience=EMBEDDER_SECONDS), *parts]


class Gauges(Collector):
    """Figures that are looked up when somebody asks: parts, queue and catalogue. What does not answer is left out."""

    def __init__(self, services: Services, health: Health) -> None:
        self._services = services
        self._health = health
        self._queue = Look(self._figures)
        self._catalogue = Look(lambda: services.recommender.catalogue, patience=CATALOGUE_SECONDS)
        register_process(services.observer.registry)

    def describe(self) -> Iterable[Any]:
        """Nothing ahead of time: Redis is not asked at registration."""
        return []

    def collect(self) -> Iterable[Any]:
        """Look now."""
        looks = CounterMetricFamily("soundalike_cache_looks", "Looks into the cache", labels=["what", "hit"])
        for (what, hit), count in sorted(self._services.cache.looks().items()):
            looks.add_metric([what, str(hit).lower()], count)
        yield looks
        self._queue.start()
        self._catalogue.start()
        until = time.monotonic() + WAIT_SECONDS
        yield from families(self._health.states())
        queue = self._queue.value(until)
        if queue is not None:
            yield from _of_queue(queue, self._services.settings.queue_limit)
        catalogue = self._catalogue.value(until)
        if catalogue is not None:
            info = {"id": catalogue.id, "space": catalogue.facts.space}
            yield InfoMetricFamily("soundalike_catalogue", "The catalogue that answers", value=info)
            yield GaugeMetricFamily("soundalike_catalogue_clips", "Clips in the catalogue", value=len(catalogue))

    def _figures(self) -> Figures | None:
        try:
            return figures(self._services.queue.client)
        except redis.RedisError:
            return None


def _of_queue(queue: Figures, limit: int) -> Iterable[GaugeMetricFamily]:
    yield GaugeMetricFamily("soundalike_queue_length", "Tasks that wait or are being worked", value=queue.length)
    yield GaugeMetricFamily("soundalike_queue_limit", "QUEUE_LIMIT: tasks beyond which it is busy", value=limit)
    yield GaugeMetricFamily("soundalike_dead_letters", "Jobs that failed for good, of a week", value=queue.dead)
    oldest = max(0.0, time.time() - queue.oldest) if queue.oldest else 0.0
    yield GaugeMetricFamily("soundalike_queue_oldest_seconds", "Age of the job that waits longest", value=oldest)
    tasks = GaugeMetricFamily("soundalike_queue_tasks", "Tasks by step and state", labels=["step", "state"])
    for labels, count in queue.tasks.items():
        tasks.add_metric(labels, count)
    yield tasks
