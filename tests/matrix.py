"""The browsers that the tests run in, one entry each (docs/contributing.md has the recipe).

What is imported to start a browser is imported then: most tests start none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browsers import Browser
    from tests.conftest import ServedSite
    from tests.pyodide.engines import PageEngine

__all__ = ["BROWSERS", "NAMES", "PARAMS", "engine_in", "started"]


@dataclass(frozen=True)
class Entry:
    """A browser of the matrix.

    Attributes:
        start: Starts one with a new profile.
        engine: Starts one whose worker runs Pyodide; None for what every browser can do.
    """

    start: Callable[[], Browser]
    engine: Callable[[ServedSite], PageEngine] | None = None


def _chromium() -> Browser:
    from tests.browsers import Chromium

    return Chromium()


def _chromium_engine(site: ServedSite) -> PageEngine:
    from tests.pyodide.engines import ChromeEngine

    return ChromeEngine(site.port)


def _firefox() -> Browser:
    from tests.firefox import Firefox

    return Firefox()


def _firefox_engine(site: ServedSite) -> PageEngine:
    from tests.pyodide.engines import FirefoxEngine

    return FirefoxEngine(site.url)


#: Mark and parameter of the tests in a browser → the browser.
BROWSERS = {
    "chrome": Entry(_chromium, _chromium_engine),
    "firefox": Entry(_firefox, _firefox_engine),
}

NAMES = tuple(BROWSERS)

#: Parameters of a test or a fixture that is run in every browser.
PARAMS = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in NAMES]


def started(name: str) -> Browser:
    """A new browser with a new profile."""
    return BROWSERS[name].start()


def engine_in(name: str, site: ServedSite) -> PageEngine:
    """Pyodide in a worker of a new browser, over its real storage."""
    from tests.pyodide.engines import BrowserEngine

    start = BROWSERS[name].engine
    return start(site) if start else BrowserEngine(started(name), site.url)
