"""The worker process: `python -m bot worker`."""

from __future__ import annotations

import logging
import os
import signal
import threading

from bot.operations.health import Gauges, Health
from bot.operations.health_server import serve
from bot.queue.leases import Leases
from bot.queue.records import Records
from bot.queue.tasks import Workers, redis_for_queue
from bot.services import build
from bot.settings import BotSettings
from recommender.audio import decoding
from recommender.service.probes import Part, State
from recommender.uploads.sound_check import SoundCheck

_log = logging.getLogger(__name__)


def run(settings: BotSettings) -> int:
    """Work uploads until SIGTERM or SIGINT; returns the exit status."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    services = build(settings)
    # Longer time-outs than the bot's: nobody waits for an acknowledgement here.
    records = Records(redis_for_queue(settings.redis_url))
    leases = Leases(records)
    workers = Workers(settings.redis_url, services.upload_steps(records, leases), settings.worker_threads)

    def threads() -> State:
        return State(True) if workers.alive() else State(False, "no thread fetches work: restart this process")

    sound = SoundCheck(services.embedder) if services.embedder is not None else None

    def sound_gets_through() -> State:
        trouble = sound.trouble() if sound is not None else ""
        return State(not trouble, trouble)

    more = Part("threads", threads, needed=True), Part("sound", sound_gets_through)
    if settings.health_port:
        health = Health(services, *more, needs_redis=True)
        services.observer.registry.register(Gauges(services, health))
        serve(settings.health_host, settings.health_port, health)
    workers.start()
    services.recommender.warm()
    decoding.warm()
    _log.info("worker ready: %d uploads at a time", settings.worker_threads)
    stopped.wait()
    _log.info("stopping: running work finishes or goes back to the queue")
    workers.stop()
    leases.close()
    services.close()
    logging.shutdown()
    os._exit(0)  # threads that are still at work have handed their jobs back; waiting for them would outlast SIGTERM
