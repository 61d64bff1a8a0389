"""The worker process: `python -m bot worker`."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterable

from bot.operations import health
from bot.queue.leases import Leases
from bot.queue.redis_records import RedisRecords
from bot.queue.tasks import Workers, redis_for_queue
from bot.services import build
from bot.settings import BotSettings
from recommender.audio import decoding

_log = logging.getLogger(__name__)


def run(settings: BotSettings) -> int:
    """Work uploads until SIGTERM or SIGINT; gives the exit status."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    parts = build(settings)
    # Longer time-outs than the bot's: nobody waits for an acknowledgement here.
    records = RedisRecords(redis_for_queue(settings.redis_url))
    workers = Workers(settings.redis_url, parts.work(records, parts.queue, Leases(records)), settings.worker_threads)

    def threads() -> Iterable[health.Check]:
        return [health.Check("threads", workers.alive(), "fetch work", needed=True)]

    parts.observer.registry.register(health.Gauges(parts))
    if settings.health_port:
        checks = health.Health(parts, threads)
        health.serve(settings.health_host, settings.health_port, checks, parts.observer.registry)
    workers.start()
    parts.recommender.warm()
    decoding.warm()
    _log.info("worker ready: %d uploads at a time", settings.worker_threads)
    stopped.wait()
    _log.info("stopping: running work finishes or goes back to the queue")
    workers.stop()
    parts.close()
    logging.shutdown()
    os._exit(0)  # threads that are still at work have handed their jobs back; waiting for them would outlast SIGTERM
