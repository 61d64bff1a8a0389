"""The parts that bot and worker are built of, out of the settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import redis
from prometheus_client import CollectorRegistry
from slack_sdk import WebClient

from bot.answering.answerer import Answerer
from bot.answering.history import History
from bot.answering.in_workspace import InWorkspace
from bot.answering.limits import QuestionLimit
from bot.answering.manners import Manners
from bot.answering.mentions import Mentions
from bot.answering.posts import Posts
from bot.answering.scratch import Scratch
from bot.answering.upload_steps import UploadSteps
from bot.operations.redis_advice import advice
from bot.operations.requests import Observer
from bot.queue.admission import Admission
from bot.queue.leases import Leases
from bot.queue.records import Records
from bot.queue.tasks import RedisQueue, Steps
from bot.settings import BotSettings
from bot.slack.client import open_installations, posting_client, web_client
from bot.slack.downloads import Downloader
from bot.slack.installations import Installations
from recommender.embedders.client import EmbedderClient
from recommender.errors import SettingsError
from recommender.recommender import Recommender
from recommender.uploads.cache import Cache

REDIS_TIMEOUT_SECONDS = 1.0
"""An event must be acknowledged within three seconds, whatever Redis does."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """What every process has. embedder: None where none is set; installations: None with a static token."""

    settings: BotSettings
    installations: Installations | None
    client: WebClient
    once: WebClient
    redis: redis.Redis
    queue: RedisQueue
    cache: Cache
    embedder: EmbedderClient | None
    recommender: Recommender
    observer: Observer
    history: History
    manners: Manners
    answerer: Answerer
    scratch: Scratch

    def upload_steps(self, records: Records, leases: Leases) -> Steps:
        """Return the steps of an upload on some records, each within its workspace."""
        steps = UploadSteps(
            client=self.client,
            posts=Posts(self.client, self.once, records),
            recommender=self.recommender,
            answerer=self.answerer,
            records=records,
            queue=self.queue,
            downloader=Downloader.from_settings(self.settings, self.client),
            scratch=self.scratch,
            leases=leases,
            observer=self.observer,
            history=self.history,
            manners=self.manners,
            mentions=Mentions(self.client, records, Admission(records.client, self.settings)),
            max_bytes=self.settings.max_upload_bytes,
        )
        return steps if self.installations is None else InWorkspace(steps, self.installations, records, self.queue)

    def close(self) -> None:
        """Let go of what outlives the process otherwise."""
        self.scratch.close()
        self.recommender.close()


def build(settings: BotSettings) -> Services:
    """Build the parts; raises `SettingsError` or a `CatalogueError`."""
    installations = open_installations(settings)
    client = web_client(settings, installations)
    cache = Cache.connect(settings)
    embedder = EmbedderClient(settings.embedder_url) if settings.embedder_url else None
    recommender = Recommender.open(settings, embedder=embedder, cache=cache)
    observer = Observer(CollectorRegistry())
    connection = redis_client(settings)
    _require_entry(connection)
    history = History(connection)
    return Services(
        settings=settings,
        installations=installations,
        client=client,
        once=posting_client(settings, installations),
        redis=connection,
        queue=RedisQueue(settings.redis_url),
        cache=cache,
        embedder=embedder,
        recommender=recommender,
        observer=observer,
        history=history,
        manners=Manners(connection, settings),
        answerer=Answerer(recommender, history, QuestionLimit(settings.questions_per_minute), observer, settings),
        scratch=Scratch(),  # in the bot too: what killed processes left is removed, and sounds are added to a library
    )


def _require_entry(connection: redis.Redis) -> None:
    """Raise `SettingsError` where Redis refuses the password; one that is away may come back."""
    try:
        connection.ping()
    except redis.AuthenticationError as error:
        raise SettingsError(advice(error)) from None
    except redis.RedisError as error:
        _log.warning("%s", advice(error))


def redis_client(settings: BotSettings) -> redis.Redis:
    """Connect to Redis at first use; a call takes `REDIS_TIMEOUT_SECONDS` at most."""
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
    )
