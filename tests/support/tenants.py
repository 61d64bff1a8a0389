"""One bot of many workspaces: `web` and `worker` of a town, whose app people install by its own pages."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from sandbox import names
from sandbox.client.driver import Driver
from tests.conftest import REPOSITORY
from tests.scenarios.stack import ADDRESS, Process
from tests.support.town import Town

COOKIE = "slack-app-oauth-state"
PREFIX = "tenants"
WEB = ["-m", "gunicorn", "bot.wsgi:app", "-c", str(REPOSITORY / "gunicorn.conf.py"), "--bind", "127.0.0.1:0"]


class Tenants:
    """The processes, and what people do at the pages."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.store = town.folder / "installations.sqlite"
        self.environment = {
            "SLACK_BOT_TOKEN": "",
            "SLACK_CLIENT_ID": names.CLIENT_ID,
            "SLACK_CLIENT_SECRET": names.CLIENT_SECRET,
            "INSTALLATIONS_URL": f"sqlite:///{self.store}",
            "KEY_PREFIX": PREFIX,  # the town's own worker takes none of its jobs
        }
        self.processes = [self._start("web", WEB), self._start("worker", ["-m", "bot", "worker"])]
        self.url = self.processes[0].wait_for(ADDRESS)
        self.processes[0].wait_for(re.compile("web ready"))
        self.processes[1].wait_for(re.compile("worker ready"))
        events = f"{self.url}/slack/events"
        self._by_http = {"request_url": events, "options_url": events}
        town.driver.configure(redirect_url=f"{self.url}/slack/oauth_redirect", **self._by_http)

    def person(self, team: str, ending: str = "") -> Driver:
        """Return Ada of a workspace."""
        return Driver(self.town.url, names.ADA + ending, names.SOUNDS + ending, team)

    def begin(self) -> tuple[str, str]:
        """Open the page and return the address that it leads to, and the cookie's value."""
        page = requests.get(f"{self.url}/slack/install", timeout=10)
        assert page.status_code == 200, page.text
        link = re.search(r'href="(http[^"]+)"', page.text)
        assert link is not None
        assert {"Secure", "HttpOnly"} <= {part.strip() for part in page.headers["Set-Cookie"].split(";")}
        return link.group(1).replace("&amp;", "&"), page.cookies.get(COOKIE) or _cookie(page)

    def choose(self, address: str, **choice: str) -> str:
        """Choose at Slack's page, and return the address that it leads back to."""
        answer = requests.get(address, params=choice, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def come_back(self, address: str, cookie: str) -> requests.Response:
        """Open an address that Slack leads back to."""
        headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
        return requests.get(address, headers=headers, timeout=20)

    def install(self, **choice: str) -> requests.Response:
        """Install the app from the page on, in a workspace (team) or an organisation (enterprise)."""
        address, cookie = self.begin()
        return self.come_back(self.choose(address, **choice), cookie)

    def soon_expired(self, team: str) -> None:
        """Let the store know that the token of a workspace has ended, and the processes read it anew."""
        with closing(sqlite3.connect(self.store)) as connection, connection:
            ended = "UPDATE slack_bots SET bot_token_expires_at = '2020-01-01 00:00:00.000000' WHERE team_id = ?"
            connection.execute(ended, (team,))

    def lose_token(self, team: str) -> None:
        """Let the store hold a token that Slack does not know."""
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute("UPDATE slack_bots SET bot_token = 'xoxb-lost' WHERE team_id = ?", (team,))

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run `python -m bot …` as an operator, and return its exit status and all that it said."""
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self.town.folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **self.town.environment, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def locked_store(self) -> Iterator[None]:
        """Hold the database, so that nobody else reads or writes it."""
        with closing(sqlite3.connect(self.store, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")

    @contextmanager
    def by_socket(self) -> Iterator[None]:
        """Have a bot in Socket Mode take what comes in a block, in place of `web`."""
        bot = self._start("bot", ["-m", "bot"])
        bot.wait_for(re.compile("bot ready"))
        self.town.driver.configure(request_url="", options_url="")
        try:
            yield
        finally:
            self.town.driver.configure(**self._by_http)
            bot.stop()

    def kept(self) -> list[str]:
        """Return the names of all keys in Redis."""
        return [key.decode() for key in self.town.redis.client.scan_iter(f"{PREFIX}:*")]

    def _start(self, name: str, arguments: list[str]) -> Process:
        return self.town.start(f"tenants-{name}", arguments, **self.environment)


@contextmanager
def running(town: Town) -> Iterator[Tenants]:
    """Run them for as long as the block lasts."""
    tenants = Tenants(town)
    try:
        yield tenants
    finally:
        town.driver.configure(request_url="", options_url="", redirect_url="")
        for process in tenants.processes:
            process.stop()
        if kept := tenants.kept():
            town.redis.client.delete(*kept)


def state_of(address: str) -> str:
    """Return the state in an address."""
    return parse_qs(urlsplit(address).query)["state"][0]


def logs(folder: Path) -> str:
    """Return all that bot and worker of the tenants logged."""
    return "".join(path.read_text(errors="replace") for path in folder.glob("*-tenants-*.log"))


def _cookie(page: requests.Response) -> str:
    found = re.search(rf"{COOKIE}=([^;]+)", page.headers["Set-Cookie"])
    assert found is not None
    return found.group(1)
