"""Fixtures of the tests that run inside Pyodide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ServedSite
from tests.pyodide.engines import ChromeEngine, Engine, FirefoxEngine, NodeEngine

ENGINES = [
    pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("node", "chrome", "firefox")
]


@pytest.fixture(scope="session", params=ENGINES)
def runtime(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Engine]:
    """Pyodide with the library, in each of the three places in turn."""
    engine: Engine
    if request.param == "node":
        engine = NodeEngine(site.root)
    elif request.param == "chrome":
        engine = ChromeEngine(site.port)
    else:
        engine = FirefoxEngine(site.url)
    yield engine
    engine.close()
