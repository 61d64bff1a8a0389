"""A Slack file -> bytes on disk: from Slack's own hosts alone, within a byte cap, in a folder that nobody else reads.

Redirects are followed by hand, so that each hop's host is checked before it gets the token; names are resolved once,
and the connection goes to the very address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import urllib3

from bot.errors import DeletedFile, DownloadFailed, ForeignFile, HiddenFile, MissingScope, NoRoom
from bot.settings import BotSettings
from recommender.errors import TooLarge

MAX_REDIRECTS = 3
"""Slack's own downloads need none or one."""
MAX_ADDRESSES = 3
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
TOTAL_SECONDS = 120.0
"""A server that drips bytes may not hold a worker longer."""
CHUNK_BYTES = 64 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PAGE_OPENINGS = (b"<!doctype", b"<html")


@dataclass(frozen=True, slots=True)
class Origins:
    """Where files may come from. hosts: over https on port 443, at public addresses; exact: further origins, as
    (scheme, host, port), that the operator listed in full."""

    hosts: frozenset[str]
    exact: frozenset[tuple[str, str, int]]

    @classmethod
    def parse(cls, listed: str) -> Origins:
        """Read SLACK_FILE_HOSTS: host names, and whole origins such as `http://127.0.0.1:8090`."""
        entries = [entry.strip() for entry in listed.split(",") if entry.strip()]
        exact = frozenset(_origin(entry) for entry in entries if "://" in entry)
        return cls(frozenset(entry.lower() for entry in entries if "://" not in entry), exact)

    def addresses(self, url: str) -> tuple[tuple[str, str, int], list[str]]:
        """Give (scheme, host, port) of an address and the IP addresses to try; raises `ForeignFile` where either is not
        allowed, `DownloadFailed` where the name does not resolve."""
        origin = _origin(url)
        scheme, host, port = origin
        listed = origin in self.exact
        if not listed and (scheme != "https" or port != 443 or host not in self.hosts):
            raise ForeignFile("The file does not lie on Slack's own servers: download it and upload it here.")
        found = _resolve(host, port)
        if not listed and not all(ipaddress.ip_address(address).is_global for address in found):
            raise ForeignFile("The file's server has a private address, which I do not visit: upload the file here.")
        return origin, found


class Downloader:
    """Fetches files with the bot's token. Thread-safe: it keeps no connection between files."""

    def __init__(self, token: str, origins: Origins, max_bytes: int) -> None:
        self._token = token
        self._origins = origins
        self._max_bytes = max_bytes

    @classmethod
    def from_settings(cls, settings: BotSettings) -> Downloader:
        """Make the downloader that the settings describe."""
        token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else ""
        return cls(token, Origins.parse(settings.slack_file_hosts), settings.max_upload_bytes)

    def fetch(self, url: str, target: Path) -> int:
        """Write the file to `target` and give its size in bytes; raises `SlackError` or `TooLarge`."""
        deadline = time.monotonic() + TOTAL_SECONDS
        with _mapped_errors():
            for _ in range(MAX_REDIRECTS + 1):
                with self._open(url) as response:
                    if response.status in REDIRECTS:
                        url = self._next_hop(url, response.headers.get("Location", ""))
                        continue
                    _require_file(response)
                    return self._write(response, target, deadline)
        raise DownloadFailed("Slack redirects the download in circles: try again in a minute.")

    @contextmanager
    def _open(self, url: str) -> Iterator[urllib3.BaseHTTPResponse]:
        (scheme, host, port), addresses = self._origins.addresses(url)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        default = 443 if scheme == "https" else 80
        headers = {
            "Host": host if port == default else f"{host}:{port}",
            "Authorization": f"Bearer {self._token}",
            "Accept-Encoding": "identity",  # a compressed answer could outgrow the byte cap when it is unpacked
            "User-Agent": "soundalike",
        }
        with ExitStack() as stack:
            for address in addresses[:MAX_ADDRESSES]:
                pool = stack.enter_context(_pool(scheme, host, port, address, timeout))
                try:
                    response = pool.urlopen(
                        "GET", path, headers=headers, retries=False, redirect=False, preload_content=False
                    )
                except urllib3.exceptions.NewConnectionError:
                    continue
                stack.callback(response.close)
                yield response
                return
        raise DownloadFailed("I cannot reach Slack's file server: try again in a minute.")

    def _next_hop(self, url: str, location: str) -> str:
        hop = urljoin(url, location)
        host = (urlsplit(hop).hostname or "").lower()
        if host == "slack.com" or (host.endswith(".slack.com") and host not in self._origins.hosts):
            raise _missing_scope()  # Slack sends the browser to its login page
        return hop

    def _write(self, response: urllib3.BaseHTTPResponse, target: Path, deadline: float) -> int:
        size = 0
        with target.open("wb", buffering=0) as file:
            for chunk in response.stream(CHUNK_BYTES, decode_content=False):
                if size == 0 and chunk[:32].lstrip().lower().startswith(PAGE_OPENINGS):
                    raise _missing_scope()
                size += len(chunk)
                if size > self._max_bytes:
                    raise TooLarge(
                        f"The file is larger than the {self._max_bytes / 1e6:,.0f} MB that I take: "
                        "cut it, or send it as MP3 or M4A."
                    )
                if time.monotonic() > deadline:
                    raise DownloadFailed("Slack sent the file too slowly: try again in a minute.")
                _keep(chunk, file)
        return size


def _keep(chunk: bytes, file: FileIO) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise NoRoom(
            "I have no room for the file at the moment: try again later, or tell whoever runs me to free disk space."
        ) from error


def _pool(scheme: str, host: str, port: int, address: str, timeout: urllib3.Timeout) -> urllib3.HTTPConnectionPool:
    """Connect to the address that was checked; the certificate must still be the host's."""
    if scheme == "https":
        return urllib3.HTTPSConnectionPool(
            address, port, timeout=timeout, maxsize=1, server_hostname=host, assert_hostname=host
        )
    return urllib3.HTTPConnectionPool(address, port, timeout=timeout, maxsize=1)


def _origin(url: str) -> tuple[str, str, int]:
    """Give (scheme, host, port) of an address; raises `ForeignFile` where it is none, or carries a user name."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        scheme, host, port, parts = "", "", None, urlsplit("")
    if scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise ForeignFile("The file's address is none that I visit: upload the file here.")
    return scheme, host, port or (443 if scheme == "https" else 80)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DownloadFailed("I cannot reach Slack's file server: try again in a minute.") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def _require_file(response: urllib3.BaseHTTPResponse) -> None:
    """Raise unless the response is the file itself."""
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise _missing_scope()
    if response.status in (401, 403):
        raise HiddenFile("Slack does not let me have the file: invite me to the channel, or send it to me directly.")
    if response.status in (404, 410):
        raise DeletedFile("The file was deleted before I could listen to it: upload it again.")
    if response.status != 200:
        raise DownloadFailed(f"Slack's file server answered {response.status}: try again in a minute.")


def _missing_scope() -> MissingScope:
    return MissingScope(
        "Slack gives me its login page in place of the file, since I lack the scope files:read: "
        "ask whoever installed me to add it and to reinstall the app."
    )


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """Turn what the network raises into `DownloadFailed`."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the disk, not the network
        raise DownloadFailed("The download from Slack broke off: try again in a minute.") from error
