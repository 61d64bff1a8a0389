"""The queue: what must survive a restart. Dramatiq on Redis, delivered at least once.

Two kinds of task: `intake` (ask Slack about the file, post the placeholder) and `embed` (download, embed, answer).
Each has threads of its own, so that placeholders never wait for somebody's long upload.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import dramatiq
import redis
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from bot.queue import keys
from bot.queue.broker import Broker
from bot.queue.jobs import Job

INTAKE, EMBED, OLD_EMBED = "intake", "embed", "listen"
QUEUES = (INTAKE, EMBED, OLD_EMBED)
"""The last is what 0.1 calls the second: it is worked as long as a worker of 0.1 may fill it, and never filled here."""
HEARTBEAT_PATIENCE_SECONDS = 10.0
"""A worker that was silent for so long is taken for dead and its jobs go to others: answers within 30 s of a
kill need less than Dramatiq's minute."""
POLL_MS = 50
"""How long an idle worker sleeps between two looks at the queue: half of it is added to each answer's time."""
DRAIN_MS = 8_000
"""SIGTERM allows ten seconds: eight for running work, the rest for handing back what is not done."""
PATIENCE_SECONDS = 1.0
SOCKET_TIMEOUT_SECONDS = 5.0
"""A frozen Redis must not hold a thread for good; what was asked may have happened, and is asked again."""

_log = logging.getLogger(__name__)


class Steps(Protocol):
    """What is done with a job in each step; both may be done again at any time."""

    def intake(self, job: Job) -> None:
        """Do the first step."""
        ...

    def embed(self, job: Job) -> None:
        """Do the second step."""
        ...


class GivenUp(Exception):
    """The job failed for good, and the person was told; code: why; reference: the number they were told, if any."""

    def __init__(self, code: str, reference: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.reference = reference


class RedisQueue:
    """Jobs in Redis; raises redis.RedisError where it fails."""

    def __init__(self, url: str) -> None:
        self._broker = make_broker(url)
        self.client = cast(redis.Redis, self._broker.client)

    def intake(self, job: Job, delay: float = 0.0) -> None:
        """Queue the first step of a job, to begin after `delay` seconds at the earliest."""
        self._send(INTAKE, job, delay)

    def embed(self, job: Job, delay: float = 0.0) -> None:
        """Queue the second step of a job."""
        self._send(EMBED, job, delay)

    def _send(self, name: str, job: Job, delay: float) -> None:
        self._broker.enqueue(message_of(name, job), delay=int(delay * 1000) if delay > 0 else None)


class Workers:
    """The threads of one worker process."""

    def __init__(self, url: str, steps: Steps, threads: int) -> None:
        self._running: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        # One broker each: Dramatiq hands the messages of all of a worker's queues to the same threads.
        self._workers = [
            self._worker(url, (INTAKE,), steps.intake, max(2, threads)),
            self._worker(url, (EMBED, OLD_EMBED), steps.embed, threads),
        ]

    def start(self) -> None:
        """Begin to take work."""
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Take no new work, let the running work finish for `DRAIN_MS`, and hand back what has not."""
        self.stopping.set()
        stoppers = [threading.Thread(target=worker.stop, args=(DRAIN_MS,), daemon=True) for worker in self._workers]
        for stopper in stoppers:
            stopper.start()
        deadline = time.monotonic() + DRAIN_MS / 1000 + 1
        for stopper in stoppers:
            stopper.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            left = list(self._running.values())
        for message in left:
            self._hand_back(message)

    def alive(self) -> bool:
        """Whether the threads that fetch work are running."""
        return all(consumer.is_alive() for worker in self._workers for consumer in worker.consumers.values())

    def _worker(self, url: str, names: Sequence[str], step: Callable[[Job], None], threads: int) -> Worker:
        broker = make_broker(url, [_Watch(self)])

        def run(job: dict[str, Any]) -> None:
            try:
                read = Job.from_json(job)
            except ValueError as error:
                _log.error("a queue held what is no job (%s): it is among the dead letters", error)
                raise GivenUp("unreadable") from None
            self._patiently(step, read)

        for name in names:
            dramatiq.actor(actor_name=name, queue_name=name, broker=broker, throws=(GivenUp,))(run)
        worker = Worker(broker, worker_timeout=POLL_MS, worker_threads=threads)
        # No more than can be worked now: what one worker holds back, another could have begun.
        worker.queue_prefetch = threads
        return worker

    def _patiently(self, step: Callable[[Job], None], job: Job) -> None:
        """Do a step; while Redis is away, wait and do it again. Given up, it would be lost: Dramatiq could not put it
        back either."""
        while True:
            try:
                return step(job)
            except redis.RedisError as error:
                _log.warning("Redis does not answer (%s): job %s waits", type(error).__name__, job.id)
                if self.stopping.wait(PATIENCE_SECONDS):
                    threading.Event().wait()  # the process ends; an error would make a dead letter of the job

    def _hand_back(self, message: Any) -> None:
        for worker in self._workers:
            thread = worker.consumers.get(message.queue_name)
            if thread is not None and thread.consumer is not None:
                try:
                    thread.consumer.requeue([message])
                except BrokerConnectionError:
                    _log.warning("a job could not be handed back: another worker takes it when it misses this one")

    def began(self, message: Any) -> None:
        """Note that a message is being worked."""
        with self._lock:
            self._running[message.message_id] = message

    def ended(self, message: Any) -> None:
        """Note that a message is no longer being worked."""
        with self._lock:
            self._running.pop(message.message_id, None)


class _Watch(Middleware):
    """Knows what is running, for the drain, and moves what failed for good to the dead letters."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @property
    def actor_options(self) -> set[str]:
        """The option that Dramatiq itself reads, once somebody declares it."""
        return {"throws"}

    def before_process_message(self, broker: Any, message: Any) -> None:
        self._workers.began(message)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is not None:
            if not isinstance(exception, GivenUp):
                _log.error("a task of the queue %s failed for good", message.queue_name, exc_info=exception)
            code = exception.code if isinstance(exception, GivenUp) else type(exception).__name__
            message.options["failure"] = [code, getattr(exception, "reference", "")]
            message.fail()

    def after_ack(self, broker: Any, message: Any) -> None:
        self._workers.ended(message)

    def after_nack(self, broker: Any, message: Any) -> None:
        self._workers.ended(message)
        key, message_id = keys.dead_messages(message.queue_name), message.options["redis_message_id"]
        try:
            if broker.client.hexists(key, message_id):
                broker.client.hset(key, message_id, message.encode())  # as it was, and why it failed
        except redis.RedisError as error:
            _log.warning("a dead letter does not say why: Redis does not answer (%s)", type(error).__name__)


def redis_for_queue(url: str) -> redis.Redis:
    """Connect to Redis at first use, with the queue's patience."""
    return redis.Redis.from_url(
        url, socket_timeout=SOCKET_TIMEOUT_SECONDS, socket_connect_timeout=SOCKET_TIMEOUT_SECONDS
    )


def make_broker(url: str, middleware: list[Middleware] | None = None) -> Broker:
    """Make a broker with our names and time-outs. No `Retries`: each step decides for itself what is tried again."""
    return Broker(redis_for_queue(url), keys.namespace(), HEARTBEAT_PATIENCE_SECONDS, middleware or [])


def message_of(name: str, job: Job) -> dramatiq.Message[None]:
    """Return the message in which a job travels through a queue, under an id of its own."""
    options = {"redis_message_id": str(uuid.uuid4())}
    return dramatiq.Message(queue_name=name, actor_name=name, args=(), kwargs={"job": job.to_json()}, options=options)
