"""Fixtures of the tests that use the page; each gets a browser with a profile of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

import serve
from tests.browser import accessibility
from tests.browser.console_page import Console
from tests.browsers import Browser, Chromium
from tests.conftest import ServedSite
from tests.firefox import Firefox
from tests.matrix import NAMES, PARAMS, started
from tests.pyodide.engines import WIPE

FAILED = pytest.StashKey[bool]()

EACH = "for await (const name of root.keys()) {"
BUT_SNAPSHOT = ' if (name.startsWith("sahpool-snapshot ")) continue;'


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def console_in(
    request: pytest.FixtureRequest, browser: Browser, site: ServedSite
) -> Iterator[Console]:
    site.missing.clear()
    console = Console(browser, site.url)
    try:
        yield console
        failed = request.node.stash.get(FAILED, False)
        if failed:
            folder = Path(serve.WORK / "failures")
            folder.mkdir(parents=True, exist_ok=True)
            console.screenshot(folder / f"{request.node.name.replace('/', '-')}.png")
        assert console.foreign_requests() == []
        assert console.violations() == []
        if not failed and isinstance(browser, Chromium):
            assert accessibility.violations(browser) == []
    finally:
        browser.close()


def visited_profile(browser: Browser, site: ServedSite, profile: Path) -> Path:
    """Visit the site, and return the browser's profile, moved to this new folder.

    It has the caches and the snapshot that make the next visit quick, but no data of a person.
    """
    console = Console(browser, site.url)
    console.open()
    console.wait_snapshot()
    console.open("start.mjs", wait=False)  # ends the worker, which holds files
    assert EACH in WIPE
    console.js("localStorage.clear();" + WIPE.replace(EACH, EACH + BUT_SNAPSHOT))
    browser.close(keep=profile)
    return profile


@pytest.fixture(scope="session")
def visited(site: ServedSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`visited_profile`: a second start takes a second, a first one several."""
    return visited_profile(Chromium(), site, tmp_path_factory.mktemp("chromium") / "profile")


@pytest.fixture(scope="session")
def visited_firefox(site: ServedSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`visited_profile`; that of Firefox."""
    return visited_profile(Firefox(), site, tmp_path_factory.mktemp("firefox") / "profile")


@pytest.fixture
def console(request: pytest.FixtureRequest, site: ServedSite, visited: Path) -> Iterator[Console]:
    """The page in Chromium, not yet opened."""
    yield from console_in(request, Chromium(profile=visited), site)


@pytest.fixture
def firefox_console(
    request: pytest.FixtureRequest, site: ServedSite, visited_firefox: Path
) -> Iterator[Console]:
    """The page in Firefox, not yet opened."""
    yield from console_in(request, Firefox(profile=visited_firefox), site)


@pytest.fixture(params=PARAMS)
def first_visit(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page in each browser with a new profile, not yet opened."""
    yield from console_in(request, started(request.param), site)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        marked = any(item.get_closest_marker(name) for name in NAMES)
        if item.path.is_relative_to(here) and not marked:
            fixtures = getattr(item, "fixturenames", ())
            item.add_marker("firefox" if "firefox_console" in fixtures else "chrome")
