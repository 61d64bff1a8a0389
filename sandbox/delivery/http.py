"""HTTP mode: signed requests to the app's request URL."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp

from sandbox import names
from sandbox.errors import PersonRefusal

Json = dict[str, Any]


class BadAnswer(Exception):
    """The app answered, but not with 200; `retry` is False where it forbade repeats."""

    def __init__(self, status: int, retry: bool) -> None:
        super().__init__(f"HTTP status {status}")
        self.retry = retry


def signature(timestamp: str, body: str, secret: str = names.SIGNING_SECRET) -> str:
    """Slack's signature of a request body."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256)
    return "v0=" + digest.hexdigest()


class HttpDelivery:
    """Sends payloads to a request URL as Slack does."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, url: str, kind: str, payload: Json, *, attempt: int = 0, reason: str = "", timeout: float
    ) -> Any:
        """Send one payload and return the answer's JSON or text, None where it is empty; raises `BadAnswer`,
        ConnectionError, TimeoutError."""
        body, content_type = _body(kind, payload)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(timestamp, body),
        }
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        try:
            limit = aiohttp.ClientTimeout(total=timeout)
            async with self._http().post(url, data=body.encode(), headers=headers, timeout=limit) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise BadAnswer(answer.status, answer.headers.get("X-Slack-No-Retry") != "1")
                return _parsed(text, answer.content_type)
        except asyncio.TimeoutError as error:
            raise TimeoutError from error
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error)) from error

    async def verify(self, url: str) -> None:
        """Ask the request URL Slack's first question; raises `PersonRefusal` unless it echoes the challenge."""
        challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"
        question = {"token": names.VERIFICATION_TOKEN, "challenge": challenge, "type": "url_verification"}
        try:
            answer = await self.send(url, "events_api", question, timeout=3.0)
        except (BadAnswer, ConnectionError, TimeoutError) as error:
            raise PersonRefusal(f"{url} did not answer the challenge: {error!r}") from error
        echo = answer.get("challenge") if isinstance(answer, dict) else answer
        if echo != challenge:
            raise PersonRefusal(f"{url} did not echo the challenge but said {str(answer)[:200]!r}")

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        return self._session


def _body(kind: str, payload: Json) -> tuple[str, str]:
    if kind == "events_api":
        return json.dumps(payload), "application/json"
    form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form), "application/x-www-form-urlencoded"


def _parsed(text: str, content_type: str) -> Any:
    if not text:
        return None
    if content_type == "application/json":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
