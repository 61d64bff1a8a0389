"""A Slack file -> bytes on disk: from Slack's own hosts alone, within a byte cap, in a folder that nobody else reads.

Redirects are followed by hand, so that each hop's host is checked before it gets the token; names are resolved once,
and the connection goes to the very address that was checked, unless HTTPS_PROXY names a proxy, which resolves itself.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from slack_sdk import WebClient

from bot.errors import DeletedFile, DownloadFailed, ForeignFile, HiddenFile, LoginPage, NoRoom, SlackError
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
LOGIN_DOMAIN = "slack.com"
EDGE_DOMAIN = "slack-edge.com"
"""Slack's CDN, whose addresses are signed: some of its servers refuse a token beside a signature."""
SHARED_ADDRESSES = ipaddress.ip_network("100.64.0.0/10")
"""Not global, and yet where some companies' networks put the hosts that they let through."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Where files may come from. hosts: domains with all below them, over https on port 443, at public addresses;
    exact: further origins, as (scheme, host, port), that the operator listed in full."""

    hosts: frozenset[str]
    exact: frozenset[tuple[str, str, int]]

    @classmethod
    def parse(cls, listed: str) -> Origins:
        """Read SLACK_FILE_HOSTS: domains, and whole origins such as `http://127.0.0.1:8090`."""
        entries = [entry.strip() for entry in listed.split(",") if entry.strip()]
        exact = frozenset(_origin(entry) for entry in entries if "://" in entry)
        return cls(frozenset(entry.lower() for entry in entries if "://" not in entry), exact)

    def checked(self, url: str) -> tuple[str, str, int]:
        """Return (scheme, host, port) of an address; raises `ForeignFile` where it is not allowed."""
        origin = _origin(url)
        scheme, host, port = origin
        ours = scheme == "https" and port == 443 and any(_within(host, domain) for domain in self.hosts)
        if not ours and origin not in self.exact:
            raise ForeignFile("The file does not lie on Slack's own servers: download it and upload it here.")
        return origin

    def addresses(self, origin: tuple[str, str, int]) -> list[str]:
        """Return the IP addresses of an allowed origin; raises `ForeignFile` where one is private, `DownloadFailed`
        where the name does not resolve."""
        found = _resolve(origin[1], origin[2])
        if origin not in self.exact and not all(_is_public(address) for address in found):
            raise ForeignFile("The file's server has a private address, which I do not visit: upload the file here.")
        return found


class Downloader:
    """Fetches files with the bot's token. Thread-safe: it keeps no connection between files."""

    def __init__(self, token: Callable[[], str], origins: Origins, max_bytes: int) -> None:
        self._token = token
        self._origins = origins
        self._max_bytes = max_bytes

    @classmethod
    def from_settings(cls, settings: BotSettings, client: WebClient) -> Downloader:
        """Make the downloader that the settings describe, with the tokens of a client."""
        return cls(lambda: client.token or "", Origins.parse(settings.slack_file_hosts), settings.max_upload_bytes)

    def fetch(self, url: str, target: Path) -> int:
        """Write the file to `target` and return its size in bytes; raises `SlackError` or `TooLarge`."""
        deadline = time.monotonic() + TOTAL_SECONDS
        with _mapped_errors():
            for hop in range(MAX_REDIRECTS + 1):
                found = self._visit(url, hop, target, deadline)
                if isinstance(found, int):
                    return found
                url = found
        raise DownloadFailed("Slack redirects the download in circles: try again in a minute.")

    def _visit(self, url: str, hop: int, target: Path, deadline: float) -> str | int:
        """Return the size of the file that was written, or the address that Slack redirects to."""
        origin = self._origins.checked(url)
        refusal: SlackError = DownloadFailed("The download from Slack broke off: try again in a minute.")
        for with_token in _ways_in(origin[1], hop):
            with self._open(url, origin, with_token) as response:
                if response.status in REDIRECTS:
                    next_hop = urljoin(url, response.headers.get("Location", ""))
                    if not _is_login(next_hop):
                        return next_hop
                    refusal = _login_page()
                elif (found := _refusal(response)) is not None:
                    refusal = found
                else:
                    return self._write(response, target, deadline)
        raise refusal

    @contextmanager
    def _open(self, url: str, origin: tuple[str, str, int], with_token: bool) -> Iterator[urllib3.BaseHTTPResponse]:
        scheme, host, port = origin
        default = 443 if scheme == "https" else 80
        headers = {
            "Host": host if port == default else f"{host}:{port}",
            "Accept-Encoding": "identity",  # a compressed answer could outgrow the byte cap when it is unpacked
            "User-Agent": "soundalike",
        }
        if with_token:
            headers["Authorization"] = f"Bearer {self._token()}"
        with ExitStack() as stack:
            for manager, address in self._ways(url, origin):
                stack.enter_context(manager)
                try:
                    response = manager.urlopen(
                        "GET", address, headers=headers, retries=False, redirect=False, preload_content=False
                    )
                except urllib3.exceptions.NewConnectionError:
                    continue
                stack.callback(response.close)
                yield response
                return
        raise DownloadFailed("I cannot reach Slack's file server: try again in a minute.")

    def _ways(
        self, url: str, origin: tuple[str, str, int]
    ) -> Iterator[tuple[urllib3.HTTPConnectionPool | urllib3.PoolManager, str]]:
        """Yield what to ask and for what: a proxy for the whole address, or each of the host's checked addresses."""
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        proxy = _proxy(origin)
        if proxy:
            yield _through(proxy, timeout), url
            return
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        for address in self._origins.addresses(origin)[:MAX_ADDRESSES]:
            yield _pool(*origin, address, timeout), path

    def _write(self, response: urllib3.BaseHTTPResponse, target: Path, deadline: float) -> int:
        size = 0
        with target.open("wb", buffering=0) as file:
            for chunk in response.stream(CHUNK_BYTES, decode_content=False):
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
    """Return (scheme, host, port) of an address; raises `ForeignFile` where it is none, or carries a user name."""
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


def _ways_in(host: str, hop: int) -> tuple[bool, ...]:
    """Return whether to send the token, in the order of trying: a redirect may lead to a signed address that takes no
    token, or to a server of Slack that wants it."""
    if _within(host, EDGE_DOMAIN):
        return False, True
    return (True, False) if hop else (True,)


def _is_login(url: str) -> bool:
    """Say whether a redirect leads to a page of a workspace in place of a file."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False  # refused as foreign
    return _within((parts.hostname or "").lower(), LOGIN_DOMAIN) and not parts.path.startswith("/files")


def _refusal(response: urllib3.BaseHTTPResponse) -> SlackError | None:
    """Return why the response is not the file itself, or None where it is. A person's own page comes as an attachment,
    Slack's login page does not."""
    page = response.headers.get("Content-Type", "").lower().startswith("text/html")
    if page and response.status == 200 and "attachment" not in response.headers.get("Content-Disposition", "").lower():
        return _login_page()
    if response.status in (400, 401, 403):
        return HiddenFile("Slack does not let me have the file: invite me to the channel, or send it to me directly.")
    if response.status in (404, 410):
        return DeletedFile("The file was deleted before I could read it: upload it again.")
    if response.status != 200:
        return DownloadFailed(f"Slack's file server answered {response.status}: try again in a minute.")
    return None


def _login_page() -> LoginPage:
    return LoginPage(
        "Slack serves me its login page in place of the file, since I lack the scope files:read: "
        "ask whoever installed me to add it and to reinstall the app."
    )


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return found.is_global or (found.version == 4 and found in SHARED_ADDRESSES)


def _proxy(origin: tuple[str, str, int]) -> str | None:
    """Return the proxy that HTTPS_PROXY or HTTP_PROXY names for an origin, unless NO_PROXY lists it."""
    scheme, host, port = origin
    found = getproxies().get(scheme)
    if not found or proxy_bypass(f"{host}:{port}"):
        return None
    return found if "://" in found else f"http://{found}"


def _through(proxy: str, timeout: urllib3.Timeout) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
    return urllib3.ProxyManager(proxy, timeout=timeout, proxy_headers=headers)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """Turn what the network raises into `DownloadFailed`."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the disk, not the network
        raise DownloadFailed("The download from Slack broke off: try again in a minute.") from error
