"""Clients of Slack's Web API that wait when Slack says so, each call with the token of its workspace."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RetryHandler
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)
from slack_sdk.web import SlackResponse

from bot import workspaces
from bot.settings import BotSettings
from bot.slack.errors import code_of
from bot.slack.installations import Installations
from recommender.errors import SettingsError

TIMEOUT_SECONDS = 20
RATE_LIMIT_RETRIES = 5
"""Slack names the wait in Retry-After; five of them outlast any burst that one channel can cause."""
SERVER_ERROR_RETRIES = 2


STALE = frozenset({"account_inactive", "invalid_auth", "token_expired", "token_revoked"})
"""Slack refuses the token, and has not done what was asked: another process may have stored a newer one."""


class WorkspaceClient(WebClient):
    """Calls Slack for the workspace whose wish is being worked; raises `NotInstalled` and `InstallationsAway`, too."""

    def __init__(self, installations: Installations, **how: Any) -> None:
        self._installations = installations
        super().__init__(**how)

    @property
    def token(self) -> str | None:
        """The token of that workspace, None outside of any."""
        workspace = workspaces.known()
        return None if workspace is None else self._installations.bot(workspace).bot_token

    @token.setter
    def token(self, _: str | None) -> None:
        """Nobody sets it: the SDK does, to None."""

    def api_call(self, api_method: str, **how: Any) -> SlackResponse:
        """Call a method, again where Slack refuses a token that has been replaced meanwhile."""
        workspace = workspaces.known()
        used = self.token
        try:
            return super().api_call(api_method, **how)
        except SlackApiError as error:
            if workspace is None or code_of(error) not in STALE:
                raise
            if not self._installations.superseded(workspace, used):
                raise
        return super().api_call(api_method, **how)


def web_client(settings: BotSettings, installations: Installations | None = None) -> WebClient:
    """Make the client for calls that may safely be made twice. installations: of the tokens, where there are many."""
    return _client(settings, installations, [_connection_errors(), _rate_limit(), _server_errors()])


def posting_client(settings: BotSettings, installations: Installations | None = None) -> WebClient:
    """Make the client for `chat.postMessage`: a call that failed half way may have posted, so it is never repeated
    blindly; after a 429 the job waits in the queue, and no thread waits with it."""
    return _client(settings, installations, [])


def web_client_without_token(settings: BotSettings) -> WebClient:
    """Make the client for methods that need none of the bot's tokens."""
    return WebClient(**_how(settings, [_rate_limit()]))


def open_installations(settings: BotSettings) -> Installations | None:
    """Return the installations, whose workspaces this process expects from now on, None with the static token; raises
    `SettingsError`."""
    if not settings.many:
        return None
    installations = Installations(settings, web_client_without_token(settings))
    workspaces.expect_many()
    return installations


def _client(settings: BotSettings, installations: Installations | None, handlers: list[RetryHandler]) -> WebClient:
    if installations is not None:
        return WorkspaceClient(installations, **_how(settings, handlers))
    if settings.slack_bot_token is None:
        raise SettingsError(
            "SLACK_BOT_TOKEN is not set: put the app's bot token, xoxb-…, into the environment or .env; or "
            "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET, for many workspaces."
        )
    return WebClient(token=settings.slack_bot_token.get_secret_value(), **_how(settings, handlers))


def _how(settings: BotSettings, handlers: list[RetryHandler]) -> dict[str, Any]:
    base_url = settings.slack_api_url if settings.slack_api_url.endswith("/") else settings.slack_api_url + "/"
    return {"base_url": base_url, "timeout": TIMEOUT_SECONDS, "retry_handlers": handlers}


def _connection_errors() -> RetryHandler:
    broken: list[type[Exception]] = [URLError, ConnectionError, HTTPException]  # no time-out: three would take a minute
    return ConnectionErrorRetryHandler(max_retry_count=2, error_types=broken)


def _rate_limit() -> RetryHandler:
    return RateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_RETRIES)


def _server_errors() -> RetryHandler:
    return ServerErrorRetryHandler(max_retry_count=SERVER_ERROR_RETRIES)
