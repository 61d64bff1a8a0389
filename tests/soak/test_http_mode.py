"""HTTP mode under its faults: the web process killed and stopped, Redis and Slack away, hostile requests beside."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.conftest import REPOSITORY, free_port
from tests.scenarios.stack import Process
from tests.soak.conftest import Check
from tests.support.ledger import ANSWER, Ledger
from tests.support.town import Town

StartWeb = Callable[[], Process]


@pytest.fixture
def start_web(town: Town) -> Iterator[StartWeb]:
    """Starts the web process, always on the same port, and lets Slack reach the app there alone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    started: list[Process] = []

    def start() -> Process:
        options = ["-c", str(REPOSITORY / "gunicorn.conf.py"), "--bind", f"127.0.0.1:{port}"]
        process = town.start("web", ["-m", "gunicorn", "bot.wsgi:app", *options])
        process.wait_for(re.compile("web ready"))
        started.append(process)
        town.driver.configure(request_url=url, options_url=url)
        return process

    town.populate(bots=0)
    yield start
    town.driver.configure(request_url="", options_url="")
    for process in started:
        process.stop()


def ask(ledger: Ledger, uploads: int, commands: int = 4) -> None:
    """Upload and type."""
    ledger.upload(uploads)
    for number in range(commands):
        ledger.command(f"#{number % 24}", f"USOAKWEB{number}")


def test_web_killed(town: Town, ledger: Ledger, check: Check, start_web: StartWeb):
    """HTTP mode: web process killed while it accepts, another started"""
    town.driver.faults(retry_delays=[0, 1, 2, 4, 8, 16])
    web = start_web()
    ask(ledger, 6)
    web.kill()
    ledger.upload(4)
    start_web()
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_web_stopped(town: Town, ledger: Ledger, check: Check, start_web: StartWeb):
    """HTTP mode: web process told to stop while it works, another started"""
    town.driver.faults(retry_delays=[0, 1, 2, 4, 8, 16])
    web = start_web()
    town.embedder.control(delay=1)
    ask(ledger, 6)
    web.stop()
    ledger.upload(4)
    start_web()
    ask(ledger, 2)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_redis_stopped(town: Town, ledger: Ledger, check: Check, start_web: StartWeb):
    """HTTP mode: Redis stopped for 6 s, then back"""
    town.driver.faults(retry_delays=[0, 1, 2, 4, 8, 16])
    start_web()
    ask(ledger, 4)
    town.redis.stop()
    ask(ledger, 4)
    time.sleep(6.0)
    town.redis.start()
    ask(ledger, 3)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_slack_breaks_off(town: Town, ledger: Ledger, check: Check, start_web: StartWeb):
    """HTTP mode: every event twice, Slack's answers cut and refused"""
    town.driver.faults(doubled_events=True)
    start_web()
    for method in ("chat.postMessage", "chat.update", "files.info"):
        town.driver.fail(method, "answer_cut", times=4)
        town.driver.fail(method, "internal_error", times=4)
    ask(ledger, 8)
    check(ledger.settle())
    assert all(ANSWER in text for text in ledger.texts())


def test_hostile_requests(town: Town, ledger: Ledger, check: Check, start_web: StartWeb):
    """HTTP mode: 300 slow connections and unsigned requests without a pause"""
    start_web()
    address = str(town.driver.state()["app"]["request_url"])
    host, port = re.fullmatch(r"http://([\d.]+):(\d+)/slack/events", address).groups()  # type: ignore[union-attr]
    ended = threading.Event()
    statuses: list[int] = []

    def storm() -> None:
        while not ended.is_set():
            statuses.append(requests.post(address, data=b"x" * 100_000, timeout=20).status_code)

    stormers = [threading.Thread(target=storm) for _ in range(4)]
    with ExitStack() as stack:
        for _ in range(300):
            slow = stack.enter_context(socket.create_connection((host, int(port)), 20))
            slow.sendall(b"POST /slack/events HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc")
        for stormer in stormers:
            stormer.start()
        try:
            ask(ledger, 10, 20)
            row = ledger.settle()
        finally:
            ended.set()
            for stormer in stormers:
                stormer.join()
    check(row)
    assert all(ANSWER in text for text in ledger.texts())
    assert set(statuses) == {401}
