"""One browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from sandbox.client.driver import Driver
from tests.support.browser import visiting

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in a hook of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def page(browser: Browser, driver: Driver) -> Iterator[Page]:
    """The page at desktop width, watched for complaints."""
    with visiting(browser, driver.url) as one:
        yield one


@pytest.fixture(params=["desktop", "phone"])
def any_page(request: pytest.FixtureRequest, browser: Browser, driver: Driver) -> Iterator[Page]:
    """The page at desktop width, and at a phone's."""
    with visiting(browser, driver.url, request.param) as one:
        yield one
