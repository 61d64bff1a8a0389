"""HTTP to an embedder's service: connections are reused, attempts bounded, and each failure is an error of ours."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from recommender.errors import BadEmbedding, EmbedderBusy, EmbedderDown, EmbedderError, EmbedderRefused, SettingsError

CONNECT_SECONDS = 3.0
"""A service on the same network takes a connection within milliseconds."""
ATTEMPTS = 4
BACKOFF_SECONDS = 0.2
"""Wait before the second attempt; doubles from attempt to attempt, and is spread by half."""
MAX_WAIT_SECONDS = 5.0
"""Longest wait between attempts, whatever Retry-After asks for: somebody waits for the answer."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A minute of YAMNet rows is 1.5 MB of JSON; an answer beyond this is none."""
_RETRIED = {502, 503, 504}
_UNREADABLE = (
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidHeader,
    urllib3.exceptions.DecodeError,
)
_READ_BYTES = 1 << 16
_POOL = 16
"""Connections kept open: at least as many as a process has threads that embed."""


class Http:
    """Sends requests to one service. Used by many threads at once."""

    def __init__(self, url: str, timeout: float, attempts: int = ATTEMPTS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise SettingsError("EMBEDDER_URL must begin with http:// or https://: mend it in the environment or .env.")
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._attempts = attempts
        self._session = requests.Session()
        # Proxies and .netrc of the environment are not for a service of our own.
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=_POOL))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def status(self, path: str) -> int:
        """Ask once; returns the status code, or raises `EmbedderError`."""
        with self._mapped(), self._session.get(self.url + path, timeout=self._timeouts(), stream=True) as response:
            return response.status_code

    def json(self, method: str, path: str, **arguments: Any) -> tuple[dict[str, Any], requests.Response]:
        """Ask, again where that may help, for a JSON object; raises `EmbedderError`."""
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                return self._once(method, path, arguments)
            except _Again as again:
                if last:
                    raise again.error from again.__cause__
                wait = max(again.wait, BACKOFF_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311
                time.sleep(min(wait, MAX_WAIT_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], requests.Response]:
        deadline = time.monotonic() + self._timeout
        with self._mapped():
            response = self._session.request(
                method, self.url + path, timeout=self._timeouts(), stream=True, allow_redirects=False, **arguments
            )
            with response:
                body = self._body(response, deadline)
        self._require_ok(response, body)
        return _object(body), response

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """Read the body by the deadline: a time-out of requests is for one read, and a service may drip."""
        body = bytearray()
        while chunk := response.raw.read1(_READ_BYTES, decode_content=True):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise BadEmbedding("The embedder's answer is too large to be one: check EMBEDDER_URL.")
            if time.monotonic() > deadline:
                raise self._stalled()
        return bytes(body)

    def _require_ok(self, response: requests.Response, body: bytes) -> None:
        status = response.status_code
        if status == 503:
            raise _Again(
                EmbedderBusy("The embedder is busy with other audio: try again in a minute."), _retry_after(response)
            )
        if status in _RETRIED:
            raise _Again(EmbedderDown(f"The embedder is not reachable behind its proxy ({status}): try again later."))
        if status >= 500:
            raise EmbedderDown(f"The embedder failed ({status}): ask the operator to look at its log.")
        if status != 200:
            raise EmbedderRefused(f"The embedder refused ({status}: {_message(body)}): check EMBEDDER_URL.")

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Turn whatever requests raises into an `EmbedderError`."""
        try:
            yield
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise self._stalled() from error
        except _UNREADABLE as error:
            raise BadEmbedding("The embedder's answer cannot be read: check EMBEDDER_URL.") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _Again(
                EmbedderDown("The embedder cannot be reached: ask the operator to start it (EMBEDDER_URL).")
            ) from error

    def _stalled(self) -> EmbedderError:
        return EmbedderDown(f"The embedder did not answer within {self._timeout:g} s: try again later.")

    def _timeouts(self) -> tuple[float, float]:
        return min(CONNECT_SECONDS, self._timeout), self._timeout


class _Again(EmbedderDown):
    """A failure that may pass; carries the error for when it does not, and the seconds that the service asked for."""

    def __init__(self, error: EmbedderError, wait: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


def _retry_after(response: requests.Response) -> float:
    """Read Retry-After in seconds; a date, which our services do not send, counts as none."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadEmbedding("The embedder answered something that is no JSON: check EMBEDDER_URL.") from error
    if not isinstance(data, dict):
        raise BadEmbedding("The embedder answered JSON of an unknown shape: check EMBEDDER_URL.")
    return data


def _message(body: bytes) -> str:
    """Take the service's own words out of an error, kept short."""
    try:
        return str(_object(body).get("message", "no message"))[:200]
    except BadEmbedding:
        return "no message"
