"""Fixtures of the tests that use the page; each gets a browser with a profile of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

import serve
from tests.browser.console_page import Console
from tests.browsers import BrowserError, Chromium, wait_for
from tests.conftest import ServedSite
from tests.firefox import Firefox

#: Whether there is a snapshot of Python's memory (worker/snapshot.mjs).
IS_KEPT = """
const cache = await caches.open("sahpool-snapshot");
return (await cache.keys()).length === 1;
"""

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


# Leaves of a visit what makes the next one quick, and nothing of the person's.
FORGET = """
localStorage.clear();
const root = await navigator.storage.getDirectory();
for await (const name of root.keys()) await root.removeEntry(name, { recursive: true });
"""


def _visited(browser: Chromium | Firefox, site: ServedSite, profile: Path) -> Path:
    """The profile, in this new folder, of a browser that has been at the site before."""
    console = Console(browser, site.url)
    console.open()
    wait_for("the snapshot", lambda: console.js(IS_KEPT))
    console.open("start.mjs", wait=False)  # away from the worker, which holds files
    wait_for("the files to be let go", lambda: _forgets(console))
    browser.close(keep=profile)
    return profile


def _forgets(console: Console) -> bool:
    try:
        console.js(FORGET)
    except BrowserError:
        return False
    return True


@pytest.fixture(scope="session")
def visited(site: ServedSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`_visited`; a second start takes a second, the first one several."""
    return _visited(Chromium(), site, tmp_path_factory.mktemp("chromium") / "profile")


@pytest.fixture(scope="session")
def visited_firefox(site: ServedSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of Firefox."""
    return _visited(Firefox(), site, tmp_path_factory.mktemp("firefox") / "profile")


@pytest.fixture
def console(request: pytest.FixtureRequest, site: ServedSite, visited: Path) -> Iterator[Console]:
    """The page in Chromium, not yet opened."""
    site.missing.clear()
    yield from _console(request, Chromium(profile=visited), site.url)


@pytest.fixture
def firefox_console(
    request: pytest.FixtureRequest, site: ServedSite, visited_firefox: Path
) -> Iterator[Console]:
    """The page in Firefox, not yet opened."""
    site.missing.clear()
    yield from _console(request, Firefox(profile=visited_firefox), site.url)


@pytest.fixture(
    params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("chrome", "firefox")]
)
def first_visit(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Console]:
    """The page in either browser, which has never been there; not yet opened."""
    site.missing.clear()
    browser = Chromium() if request.param == "chrome" else Firefox()
    yield from _console(request, browser, site.url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        marked = any(item.get_closest_marker(name) for name in ("chrome", "firefox"))
        if item.path.is_relative_to(here) and not marked:
            fixtures = getattr(item, "fixturenames", ())
            item.add_marker("firefox" if "firefox_console" in fixtures else "chrome")
