"""Fixtures of the tests that use the page; each gets a browser with a fresh profile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

import serve
from tests.browser.console_page import Console
from tests.browsers import Chromium
from tests.conftest import ServedSite
from tests.firefox import Firefox

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def _console(
    request: pytest.FixtureRequest, browser: Chromium | Firefox, url: str
) -> Iterator[Console]:
    console = Console(browser, url)
    try:
        yield console
        if request.node.stash.get(FAILED, False):
            folder = Path(serve.WORK / "failures")
            folder.mkdir(parents=True, exist_ok=True)
            console.screenshot(folder / f"{request.node.name.replace('/', '-')}.png")
    finally:
        browser.close()


@pytest.fixture
def console(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page in Chromium, not yet opened."""
    site.missing.clear()
    yield from _console(request, Chromium(), site.url)


@pytest.fixture
def firefox_console(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page in Firefox, not yet opened."""
    site.missing.clear()
    yield from _console(request, Firefox(), site.url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and not item.get_closest_marker("firefox"):
            fixtures = getattr(item, "fixturenames", ())
            item.add_marker("firefox" if "firefox_console" in fixtures else "chrome")
