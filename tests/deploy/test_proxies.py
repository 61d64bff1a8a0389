"""nginx and Caddy with the files of deploy/: what Slack signed arrives as it was sent, and nothing else does."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from tests.conftest import REPOSITORY, free_port
from tests.support.http import ScriptedServer, reply, scripted_server

START_SECONDS = 30
PATH = "/slack/events"
PAGES = ("/slack/install", "/slack/oauth_redirect")
BODY = b'token=x&text=%C3%A9t%C3%A9+caf\xc3\xa9&payload={"a": [1,  2]}'
HEADERS = {"X-Slack-Signature": "v0=abc", "X-Slack-Request-Timestamp": "1531420618", "X-Slack-Retry-Num": "1"}


@pytest.fixture
def behind() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.answer = reply(200, b"ok")
        yield server


def tool(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"there is no {name} here: apt-get install {name}")
    return found


def nginx(folder: Path, behind: str) -> tuple[list[str], list[str]]:
    """Return the command that checks the configuration and the one that runs it, on `folder / "port"`."""
    program = tool("nginx")
    key = [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=soundalike.example.com"]
    files: list[str | Path] = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    subprocess.run([*key, *files], check=True, capture_output=True)
    site = (REPOSITORY / "deploy/nginx/soundalike.conf").read_text()
    site = site.replace("/etc/ssl/soundalike", str(folder)).replace("127.0.0.1:8000", behind)
    site = site.replace("listen 443", f"listen 127.0.0.1:{(folder / 'port').read_text()}")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary} {site} }}"
    )
    run = [program, "-c", str(main), "-p", str(folder), "-e", "stderr"]
    return [*run, "-t"], run


def caddy(folder: Path, behind: str) -> tuple[list[str], list[str]]:
    """As `nginx`, in plain HTTP: Caddy fetches certificates of public names alone."""
    program = tool("caddy")
    original = REPOSITORY / "deploy/caddy/Caddyfile"
    site = original.read_text().replace("127.0.0.1:8000", behind)
    address = f"http://127.0.0.1:{(folder / 'port').read_text()}"
    main = folder / "Caddyfile"
    main.write_text("{\n\tadmin off\n}\n" + site.replace("soundalike.example.com {", f"{address} {{"))
    check = [program, "validate", "--config", str(original), "--adapter", "caddyfile"]
    return check, [program, "run", "--config", str(main), "--adapter", "caddyfile"]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("make", [nginx, caddy])
def test_slacks_requests_arrive_unchanged_and_no_others(
    make: Callable[[Path, str], tuple[list[str], list[str]]],
    behind: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "port").write_text(str(free_port()))
    check, run = make(tmp_path, behind.url.removeprefix("http://"))
    subprocess.run(check, check=True, capture_output=True)
    received: list[tuple[dict[str, str], bytes]] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        received.append((dict(handler.headers.items()), body))
        reply(200, b"ok")(handler, body)

    behind.answer = answer
    scheme = "https" if make is nginx else "http"
    url = f"{scheme}://127.0.0.1:{(tmp_path / 'port').read_text()}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(run, stdout=log, stderr=log)
    try:
        with requests.Session() as session:
            session.verify = False
            session.trust_env = False
            wait_until_open(session, url)
            assert session.post(url + PATH, BODY, headers=HEADERS, timeout=10).text == "ok"
            ((headers, body),) = received
            assert body == BODY
            assert HEADERS.items() <= headers.items()
            others = ("/metrics", "/healthz", "/", f"{PATH}/x")
            refused = {session.get(url + path, timeout=10).status_code for path in (PATH, *others)}
            refused |= {session.post(url + path, b"", timeout=10).status_code for path in others}
            assert refused <= {403, 404}
            # Of a body that is too large Caddy may pass on a piece, whose signature is then wrong, and blames the bot.
            assert session.post(url + PATH, b"x" * 1_200_000, timeout=10).status_code in (413, 502)
            assert set(behind.requests) == {f"POST {PATH}"}
            assert all(len(body) < 1_200_000 for _, body in received[1:]) and len(received) <= 2
            pages = [session.get(f"{url}{page}?state=a", timeout=10).status_code for page in PAGES]
            assert pages == [200, 200]
            assert session.post(url + PAGES[0], b"", timeout=10).status_code in (403, 404)
    finally:
        process.terminate()
        process.wait(20)


def wait_until_open(session: requests.Session, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            session.get(url + "/", timeout=5)
            return
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
