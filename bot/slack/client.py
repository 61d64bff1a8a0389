"""Clients of Slack's Web API that wait when Slack says so."""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.http_retry import RetryHandler
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from bot.settings import BotSettings
from recommender.errors import SettingsError

TIMEOUT_SECONDS = 20
RATE_LIMIT_RETRIES = 5
"""Slack names the wait in Retry-After; five of them outlast any burst that one channel can cause."""
SERVER_ERROR_RETRIES = 2


def web_client(settings: BotSettings) -> WebClient:
    """Make the client for calls that may safely be made twice."""
    return _client(settings, [_connection_errors(), _rate_limit(), _server_errors()])


def posting_client(settings: BotSettings) -> WebClient:
    """Make the client for `chat.postMessage`: a call that failed half way may have posted, so it is never repeated
    blindly; after a 429 the job waits in the queue, and no thread waits with it."""
    return _client(settings, [])


def _client(settings: BotSettings, handlers: list[RetryHandler]) -> WebClient:
    if settings.slack_bot_token is None:
        raise SettingsError(
            "SLACK_BOT_TOKEN is not set: put the app's bot token, xoxb-…, into the environment or .env."
        )
    base_url = settings.slack_api_url if settings.slack_api_url.endswith("/") else settings.slack_api_url + "/"
    return WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=base_url,
        timeout=TIMEOUT_SECONDS,
        retry_handlers=handlers,
    )


def _connection_errors() -> RetryHandler:
    broken: list[type[Exception]] = [URLError, ConnectionError, HTTPException]  # no time-out: three would take a minute
    return ConnectionErrorRetryHandler(max_retry_count=2, error_types=broken)


def _rate_limit() -> RetryHandler:
    return RateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_RETRIES)


def _server_errors() -> RetryHandler:
    return ServerErrorRetryHandler(max_retry_count=SERVER_ERROR_RETRIES)
