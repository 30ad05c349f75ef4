"""Fixtures of the tests that use the page, each of which finds the profile as it was at first."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import pytest

import serve
from tests.browser import accessibility
from tests.browser.console_page import Console
from tests.browser.shared import KEPT, PLAIN, SharedBrowser, clear
from tests.browsers import Browser, Chromium
from tests.conftest import ServedSite
from tests.firefox import Firefox
from tests.matrix import NAMES, PARAMS, started

FAILED = pytest.StashKey[bool]()

#: Browsers that can be started with a copy of a profile.
KINDS = {"chrome": Chromium, "firefox": Firefox}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def has_failed(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.stash.get(FAILED, False))


def checked(
    request: pytest.FixtureRequest, browser: Browser, site: ServedSite
) -> Iterator[Console]:
    """The console in a browser; then what holds after each test is checked."""
    site.missing.clear()
    console = Console(browser, site.url)
    yield console
    failed = has_failed(request)
    if failed:
        folder = Path(serve.WORK / "failures")
        folder.mkdir(parents=True, exist_ok=True)
        console.screenshot(folder / f"{request.node.name.replace('/', '-')}.png")
    assert console.foreign_requests() == []
    assert console.violations() == []
    if not failed and isinstance(browser, Chromium):
        assert accessibility.violations(browser) == []


def console_in(
    request: pytest.FixtureRequest, browser: Browser, site: ServedSite
) -> Iterator[Console]:
    """The console in a browser that is closed afterwards."""
    try:
        yield from checked(request, browser, site)
    finally:
        browser.close()


def console_sharing(
    request: pytest.FixtureRequest, shared: SharedBrowser, site: ServedSite
) -> Iterator[Console]:
    """The console in a browser that the next tests use as well."""
    wrong = True
    try:
        yield from checked(request, shared.take(), site)
        wrong = has_failed(request)
    finally:
        site.missing.clear()
        shared.give_back(failed=wrong)


def visited_profile(
    browser: Browser, site: ServedSite, profile: Path, *, offline: bool = False
) -> Path:
    """Visit the site, and return the browser's profile, moved to this new folder.

    It has the caches and the snapshot that make the next visit quick, but no data of a person;
    with ``offline`` it has the whole site.
    """
    console = Console(browser, site.url)
    console.open()
    console.wait_snapshot()
    if offline:
        console.wait_offline()
    console.open(PLAIN, wait=False)  # ends the worker, which holds files
    kept = browser.evaluate(KEPT)
    snapshots = [file for file in kept["files"] if file[0].startswith("sahpool-snapshot ")]
    clear(browser, {**kept, "files": snapshots})
    # Chromium writes down some seconds later how much an origin uses; if it ends before, its figure
    # is wrong at the next start.
    time.sleep(6)
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


@pytest.fixture(scope="package")
def chromium(site: ServedSite, visited: Path) -> Iterator[SharedBrowser]:
    """The Chromium of the tests that need no other one."""
    shared = SharedBrowser(lambda: Chromium(profile=visited), site.url)
    yield shared
    shared.end()


@pytest.fixture(scope="package")
def firefox(site: ServedSite, visited_firefox: Path) -> Iterator[SharedBrowser]:
    """The Firefox of the tests that need no other one."""
    shared = SharedBrowser(lambda: Firefox(profile=visited_firefox), site.url)
    yield shared
    shared.end()


@pytest.fixture
def console(
    request: pytest.FixtureRequest, site: ServedSite, chromium: SharedBrowser
) -> Iterator[Console]:
    """The page in Chromium, not yet opened."""
    yield from console_sharing(request, chromium, site)


@pytest.fixture
def firefox_console(
    request: pytest.FixtureRequest, site: ServedSite, firefox: SharedBrowser
) -> Iterator[Console]:
    """The page in Firefox, not yet opened."""
    yield from console_sharing(request, firefox, site)


@pytest.fixture(scope="package")
def unvisited(site: ServedSite) -> Iterator[dict[str, SharedBrowser]]:
    """The browsers in which the site was never visited, or everything that it kept is cleared."""
    shared = {name: SharedBrowser(partial(started, name), site.url) for name in NAMES}
    yield shared
    for each in shared.values():
        each.end()


@pytest.fixture(params=PARAMS)
def first_visit(
    request: pytest.FixtureRequest, site: ServedSite, unvisited: dict[str, SharedBrowser]
) -> Iterator[Console]:
    """The page in each browser that keeps nothing of the site, not yet opened."""
    yield from console_sharing(request, unvisited[request.param], site)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        marked = any(item.get_closest_marker(name) for name in NAMES)
        if item.path.is_relative_to(here) and not marked:
            fixtures = getattr(item, "fixturenames", ())
            item.add_marker("firefox" if "firefox_console" in fixtures else "chrome")
