"""HTTP to an embedder's service, at one address or several: connections are reused, attempts bounded, and each failure
is an error of ours."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from recommender.errors import BadEmbedding, EmbedderBusy, EmbedderDown, EmbedderError, EmbedderRefused, SettingsError

if TYPE_CHECKING:
    # Imported where something is sent: 4 MB that a process which answers clip ids never needs.
    import requests

CONNECT_SECONDS = 3.0
"""A service on the same network takes a connection within milliseconds."""
ATTEMPTS = 4
BACKOFF_SECONDS = 0.2
"""Wait before the second attempt; doubles from attempt to attempt, and is spread by half."""
MAX_WAIT_SECONDS = 5.0
"""Longest wait between attempts, whatever Retry-After asks for: somebody waits for the answer."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A minute of YAMNet rows is 1.5 MB of JSON; an answer beyond this is none."""
REST_SECONDS = 10.0
"""How long an address that failed is asked only after the others."""
_RETRIED = {502, 503, 504}
_READ_BYTES = 1 << 16
_POOL = 16
"""Connections kept open to an address: at least as many as a process has threads that embed."""

_log = logging.getLogger(__name__)


class Http:
    """Sends requests to equal services, whose addresses are separated by commas: each request to another one first, and
    to the next where one is down or busy. Used by many threads at once."""

    def __init__(self, urls: str, timeout: float, attempts: int = ATTEMPTS) -> None:
        self.urls = tuple(dict.fromkeys(url.strip().rstrip("/") for url in urls.split(",")))
        for parts in map(urlsplit, self.urls):
            if parts.scheme not in {"http", "https"} or not parts.netloc or " " in parts.netloc:
                raise SettingsError(
                    "EMBEDDER_URL must begin with http:// or https://, each address of several, too, separated by "
                    "commas: mend it in the environment or .env."
                )
        self._lock = threading.Lock()
        self._turn = 0
        self._rests = dict.fromkeys(self.urls, 0.0)
        self._timeout = timeout
        self._attempts = attempts

    @cached_property
    def _session(self) -> requests.Session:
        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        # Proxies and .netrc of the environment are not for a service of our own.
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=len(self.urls), pool_maxsize=_POOL))
        return session

    def close(self) -> None:
        """Close the connections."""
        if "_session" in vars(self):
            self._session.close()

    def status(self, url: str) -> int:
        """Ask once; returns the status code, or raises `EmbedderError`."""
        with self._mapped(), self._session.get(url, timeout=self._timeouts(), stream=True) as response:
            return response.status_code

    def json(self, method: str, path: str, **arguments: Any) -> tuple[dict[str, Any], requests.Response]:
        """Ask, again where that may help, for a JSON object; raises `EmbedderError`."""
        urls = self._in_turn()
        for attempt in range(1, self._attempts + 1):
            passing = []
            for url in list(urls):
                try:
                    return self._once(method, url + path, arguments)
                except _Unserved as unserved:
                    failed = unserved
                    if unserved.passes:
                        passing.append(unserved)
                    else:
                        urls.remove(url)
                    self._passed_over(url, unserved)
            if attempt == self._attempts or not passing:
                break
            wait = BACKOFF_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311
            time.sleep(min(max(wait, min(each.wait for each in passing)), MAX_WAIT_SECONDS))
        raise failed.error from failed.__cause__

    def _in_turn(self) -> list[str]:
        """Return the addresses, the next one first, and those that rest last."""
        with self._lock:
            first, self._turn = self._turn, (self._turn + 1) % len(self.urls)
            now = time.monotonic()
            return sorted(self.urls[first:] + self.urls[:first], key=lambda url: self._rests[url] > now)

    def _passed_over(self, url: str, unserved: _Unserved) -> None:
        if len(self.urls) == 1 or isinstance(unserved.error, EmbedderBusy):
            return
        with self._lock:
            news = self._rests[url] <= time.monotonic()
            self._rests[url] = time.monotonic() + REST_SECONDS
        if news:
            _log.warning("the embedder at %s is passed over: %s", shown_address(url), unserved.error)

    def _once(self, method: str, url: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], requests.Response]:
        deadline = time.monotonic() + self._timeout
        with self._mapped():
            response = self._session.request(
                method, url, timeout=self._timeouts(), stream=True, allow_redirects=False, **arguments
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
            raise _Unserved(
                EmbedderBusy("The embedder is busy with other audio: try again in a minute."), _retry_after(response)
            )
        if status in _RETRIED:
            raise _Unserved(
                EmbedderDown(f"The embedder is not reachable behind its proxy ({status}): try again later.")
            )
        if status >= 500:
            text = f"The embedder failed ({status}): ask the operator to look at its log."
            raise _Unserved(EmbedderDown(text), passes=False)
        if status != 200:
            raise EmbedderRefused(f"The embedder refused ({status}: {_message(body)}): check EMBEDDER_URL.")

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Turn whatever requests raises into an `EmbedderError`."""
        import requests
        import urllib3

        unreadable = (
            requests.exceptions.ContentDecodingError,
            requests.exceptions.InvalidHeader,
            urllib3.exceptions.DecodeError,
        )
        try:
            yield
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise self._stalled() from error
        except unreadable as error:
            raise BadEmbedding("The embedder's answer cannot be read: check EMBEDDER_URL.") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _Unserved(
                EmbedderDown("The embedder cannot be reached: ask the operator to start it (EMBEDDER_URL).")
            ) from error

    def _stalled(self) -> _Unserved:
        text = f"The embedder did not answer within {self._timeout:g} s: try again later."
        return _Unserved(EmbedderDown(text), passes=False)

    def _timeouts(self) -> tuple[float, float]:
        return min(CONNECT_SECONDS, self._timeout), self._timeout


class _Unserved(EmbedderDown):
    """A failure of one service that another may not have. error: what is raised where none serves; wait: seconds that
    the service asked for; passes: whether the same service may do better in a moment."""

    def __init__(self, error: EmbedderError, wait: float = 0.0, *, passes: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait
        self.passes = passes


def shown_address(url: str) -> str:
    """Return the host and port of an address, for logs and labels: without the password that it may hold."""
    return urlsplit(url).netloc.rpartition("@")[2]


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
