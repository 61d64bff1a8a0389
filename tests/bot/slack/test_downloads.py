"""Downloads against a real server: what is taken, what is refused, where the token goes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.errors import DeletedFile, DownloadFailed, ForeignFile, HiddenFile, MissingScope
from bot.settings import BotSettings
from bot.slack import downloads
from bot.slack.downloads import Downloader, Origins
from recommender.errors import TooLarge

TOKEN = "xoxb-secret"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers by path; remembers the Authorization header of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.tokens: list[str | None] = []
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.tokens.append(self.headers.get("Authorization"))
        self.server.answers[self.path](self)

    def do_CONNECT(self) -> None:
        self.server.asked.append(f"CONNECT {self.path}")
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:
        pass


def body(
    data: bytes,
    status: int = 200,
    content_type: str = "audio/wav",
    location: str = "",
    length: int | None = None,
    disposition: str = "",
) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        if disposition:
            handler.send_header("Content-Disposition", disposition)
        if location:
            handler.send_header("Location", location)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running
        running.shutdown()


@pytest.fixture
def other() -> Iterator[Server]:
    with Server() as running:
        yield running
        running.shutdown()


@pytest.fixture
def fetch(server: Server, tmp_path: Path) -> Callable[[str], bytes]:
    downloader = Downloader(lambda: TOKEN, Origins.parse(f"files.slack.com,{server.url}"), max_bytes=1000)

    def fetched(path: str) -> bytes:
        target = tmp_path / "file"
        size = downloader.fetch(path if "://" in path else server.url + path, target)
        assert size == target.stat().st_size
        return target.read_bytes()

    return fetched


def test_a_file_is_fetched_with_the_token(server, fetch):
    server.answers["/a%20b?x=1"] = body(b"RIFFdata")
    assert fetch("/a%20b?x=1") == b"RIFFdata"
    assert server.tokens == [f"Bearer {TOKEN}"]


def test_redirects_are_followed_within_what_is_allowed(server, fetch):
    server.answers["/a"] = body(b"", 302, location="/b")
    server.answers["/b"] = body(b"sound")
    assert fetch("/a") == b"sound"


def test_no_redirect_leads_elsewhere_and_no_token_goes_there(server, other, fetch):
    server.answers["/a"] = body(b"", 302, location=f"{other.url}/b")
    other.answers["/b"] = body(b"sound")
    with pytest.raises(ForeignFile):
        fetch("/a")
    assert other.tokens == []


def test_a_redirect_that_takes_no_token_is_followed_without(server, fetch):
    """As to *.slack-edge.com, whose addresses are signed."""

    def signed(handler: BaseHTTPRequestHandler) -> None:
        body(b"", 400)(handler) if handler.headers.get("Authorization") else body(b"sound")(handler)

    server.answers["/a"] = body(b"", 302, location="/signed")
    server.answers["/signed"] = signed
    assert fetch("/a") == b"sound"
    assert server.tokens == [f"Bearer {TOKEN}", f"Bearer {TOKEN}", None]


@pytest.mark.parametrize(
    ("host", "hop", "ways"),
    [
        ("files.slack.com", 0, (True,)),
        ("files-origin.slack.com", 1, (True, False)),
        ("slack-files.com", 1, (True, False)),
        ("a.slack-edge.com", 1, (False, True)),
        ("slack-edge.com.evil.example", 0, (True,)),
    ],
)
def test_who_gets_the_token(host, hop, ways):
    assert downloads._ways_in(host, hop) == ways


@pytest.mark.parametrize("host", ["files.slack.com", "files-origin.slack.com", "slack-files.com", "a.b.slack-edge.com"])
def test_slacks_own_hosts_are_allowed(host):
    assert Origins.parse(BotSettings().slack_file_hosts).checked(f"https://{host}/a") == ("https", host, 443)


def test_shared_addresses_are_where_some_companies_put_slack(monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("100.64.1.2", 443))])
    assert Origins.parse("slack.com").addresses(("https", "files.slack.com", 443)) == ["100.64.1.2"]


def test_a_persons_own_page_is_no_login_page(server, fetch):
    """It is told by what Slack sends, not by its first bytes."""
    page = b"<!DOCTYPE html><html>"
    server.answers["/a"] = body(page, content_type="text/html", disposition='attachment; filename="a.html"')
    server.answers["/b"] = body(page, content_type="audio/wav")
    assert fetch("/a") == fetch("/b") == page


def test_https_goes_through_the_proxy_unless_no_proxy_says_otherwise(server, fetch, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", refusing_names(socket.getaddrinfo))
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    with pytest.raises(DownloadFailed):
        fetch("https://files.slack.com/a")  # the proxy here allows no CONNECT
    assert server.asked == ["CONNECT files.slack.com:443"]
    monkeypatch.setenv("NO_PROXY", ".slack.com")
    with pytest.raises(DownloadFailed, match="reach"):
        fetch("https://files.slack.com/a")
    assert len(server.asked) == 1
    with pytest.raises(ForeignFile):
        fetch("https://evil.example/a")


def test_plain_http_goes_through_http_proxy(server, other, fetch, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", other.url.replace("//", "//me:s%40t@"))
    other.answers[f"{server.url}/a"] = body(b"sound")
    assert fetch("/a") == b"sound"
    assert server.tokens == []


def refusing_names(real: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(host: Any, *arguments: Any, **more: Any) -> Any:
        if "slack" in str(host):
            raise OSError("no such name")
        return real(host, *arguments, **more)

    return resolve


def test_circles_end(server, fetch):
    server.answers["/a"] = body(b"", 302, location="/a")
    with pytest.raises(DownloadFailed, match="circles"):
        fetch("/a")


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/a",
        "https://files.slack.com:8443/a",
        "https://evil.example/a",
        "https://files.slack.com.evil.example/a",
        "https://files.slack.com@evil.example/a",
        "https://user@files.slack.com/a",
        "http://127.0.0.1/a",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "gopher://files.slack.com/",
        "https://[::1/a",
        "",
    ],
)
def test_foreign_addresses_are_refused(fetch, url):
    with pytest.raises(ForeignFile, match=r"upload"):
        fetch(url if url else "://")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.9", "::1", "fd00::1", "0.0.0.0"]
)
def test_slacks_host_at_a_private_address_is_refused(fetch, monkeypatch, address):
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (address, 443))])
    with pytest.raises(ForeignFile, match="private"):
        fetch("https://files.slack.com/a")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (body(b"<!DOCTYPE html><html>", content_type="text/html; charset=utf-8"), MissingScope),
        (body(b"", 302, location="https://acme.slack.com/?redir=x"), MissingScope),
        (body(b"", 403), HiddenFile),
        (body(b"", 404), DeletedFile),
        (body(b"", 500), DownloadFailed),
        (body(b"x" * 1001), TooLarge),
    ],
)
def test_what_is_no_file_has_its_error(server, fetch, answer, error):
    server.answers["/a"] = answer
    with pytest.raises(error, match=r"\.$"):
        fetch("/a")


def test_the_byte_cap_holds_whatever_the_header_says(server, fetch):
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    server.answers["/a"] = endless
    with pytest.raises(TooLarge):
        fetch("/a")


def test_a_connection_that_breaks_off_is_told(server, fetch):
    server.answers["/a"] = body(b"half", length=900)
    with pytest.raises(DownloadFailed):
        fetch("/a")


def test_a_server_that_is_not_there_is_told(server, fetch):
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadFailed):
        fetch("/a")


def test_a_dripping_server_is_given_up(server, fetch, monkeypatch):
    monkeypatch.setattr(downloads, "TOTAL_SECONDS", 0.2)
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.02):
            handler.wfile.write(b"x")

    monkeypatch.setattr(downloads, "CHUNK_BYTES", 1)
    server.answers["/a"] = drip
    with pytest.raises(DownloadFailed, match="slowly"):
        fetch("/a")
    stop.set()
